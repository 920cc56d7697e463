"""`Log`: read what changed, and write one change at a time.

Every change is one record, written under the next free number or not at all. Whoever finds the number taken
reads what came in between and decides again: so two publishers get two versions, and there are never two
champions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from riskloom.clock import Clock
from riskloom.domain.stage import Action, Change, Move
from riskloom.errors import Conflict, StoreUnavailable
from riskloom.ports.bundle_store import BundleStore, Tail
from riskloom.registry.ledger import Ledger, Published, Record, encode

_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be written."""

    action: Action
    moves: tuple[Move, ...]
    published: Published | None = None


class Log:
    """The logs of a store's scenarios. What was read is kept; several threads may ask."""

    def __init__(self, store: BundleStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, Ledger] = {}

    def ledger(self, scenario: str) -> Ledger:
        """What the log says now; costs one look for newer records."""
        known = self._known.get(scenario) or Ledger(scenario)
        ledger = known.extended(self._store.tail(scenario, known.last_number), self._store.url)
        self._known[scenario] = ledger
        return ledger

    def commit(
        self, scenario: str, author: str, reason: str, plan: Callable[[Ledger], Planned | None]
    ) -> Ledger:
        """Write the record that `plan` makes of what is there, anew whenever somebody else was faster.

        Parameters
        ----------
        plan
            Gives None when nothing is left to do; its errors pass through, and then nothing was written.

        Returns
        -------
        The ledger that ends with the record.

        Raises
        ------
        Conflict
            When others were faster a hundred times.
        StoreUnavailable
        """
        for _ in range(_ATTEMPTS):
            ledger = self.ledger(scenario)
            planned = plan(ledger)
            if planned is None:
                return ledger
            number = ledger.next_number
            change = Change(number, planned.action, planned.moves, self._clock.now_us(), author, reason)
            record = Record(change, ledger.last_hash, planned.published)
            content = encode(record)
            # what could not be read again is not written
            written = ledger.extended(Tail(((number, content),), number + 1), self._store.url)
            done = self._store.append(scenario, number, content, summarise(change))
            # it may be there all the same, when only the answer to a first try was lost
            if done or record in self.ledger(scenario).records:
                self._show(written)
                return written
        raise Conflict(f"Others kept changing {scenario} in {self._store.url}.", hint="try again")

    def _show(self, written: Ledger) -> None:
        """Let the store show the stages its own way, until nobody has changed them meanwhile."""
        current = written
        while True:
            try:
                self._store.reflect(written.scenario, current.standings())
            except StoreUnavailable as error:
                raise StoreUnavailable(
                    f"Change {written.last_number} of {written.scenario} is recorded, but {self._store.url}"
                    f" could not show it: {error.message}",
                    hint="do not repeat it: the next change shows this one too",
                ) from error
            newest = self.ledger(written.scenario)
            if newest.last_number == current.last_number:
                return
            current = newest


def summarise(change: Change) -> str:
    """A change in one line: what moved, who did it and why.

    >>> from riskloom.domain.stage import Stage
    >>> moves = (Move(2, Stage.SHADOW, Stage.CANARY, 5.0),)
    >>> summarise(Change(7, Action.MOVE, moves, 0, "ana", "a week of calm"))
    'move (2: shadow -> canary for 5 %) by ana: a week of calm'
    """
    moves = ", ".join(
        f"{move.version}: {move.origin or 'new'} -> {move.to}"
        + ("" if move.percent is None else f" for {move.percent:g} %")
        for move in change.moves
    )
    return f"{change.action} ({moves}) by {change.author}: {change.reason}"
