"""What raises no alert for some time: entities, rules, or a rule for an entity."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suppression:
    """Decisions of an entity (None: of every one) by a rule (None: by every one) raise no alert."""

    id: int
    entity_key: str | None
    rule: str | None
    until_us: int


class Suppressions:
    """Those of one scenario that hold."""

    def __init__(self, held: Iterable[Suppression] = ()) -> None:
        self._by_key: dict[str | None, list[Suppression]] = {}
        for one in held:
            self.add(one)

    def add(self, one: Suppression) -> None:
        """Let one hold from now on."""
        self._by_key.setdefault(one.entity_key, []).append(one)

    def end(self, suppression_id: int) -> None:
        """Let one hold no more."""
        for key, held in list(self._by_key.items()):
            self._by_key[key] = [one for one in held if one.id != suppression_id]

    def of(self, entity_key: str, acting: Collection[str], now_us: int) -> int | None:
        """The suppression because of which a decision raises no alert, or None.

        A decision raises none where each of the rules that made it flagged is suppressed; it is counted to
        the suppression that came first.
        """
        if not self._by_key:
            return None
        found = [
            one
            for key in dict.fromkeys((entity_key, None))
            for one in self._by_key.get(key, ())
            if now_us < one.until_us
        ]
        if not found:
            return None
        hit = [next((one.id for one in found if one.rule in (None, code)), None) for code in acting or ("",)]
        return None if None in hit else min(one for one in hit if one is not None)
