"""Examples: a few events of each kind of change, with the reasons and the evidence of each side."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from riskloom.domain.columns import EventColumns
from riskloom.domain.decision import LADDER, Decision
from riskloom.domain.event import Event
from riskloom.explain.reasons import ReasonTexts
from riskloom.measure.result import Result
from riskloom.replay.side import Decided, Side
from riskloom.replay.tape import EventIds

Cell = tuple[tuple[int, ...], int]
"""The outcomes of all sides, as ranks, and the label (-1 where it is not known)."""


@dataclass(frozen=True, slots=True)
class ShownReason(Result):
    """A reason in words, with the ids of the events behind it, newest last."""

    code: str
    severity: str
    message: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown(Result):
    """What one side says of an example."""

    outcome: str
    risk_score: float | None
    reasons: tuple[ShownReason, ...]


@dataclass(frozen=True, slots=True)
class Example(Result):
    """One event, what it turned out to be (None where nobody knows), and what each side says."""

    event_id: str
    time_us: int
    amount: int | None
    entity: str
    fraud: bool | None
    sides: Mapping[str, Shown]


class Examples:
    """Chooses up to `most` events of each cell, spread evenly: those whose ids have the smallest hash.

    With one side the cells are its outcomes but for honest events that pass; with several, where they differ.
    """

    def __init__(self, sides: Sequence[Side], most: int, money: str, entity: str) -> None:
        self._sides = tuple(sides)
        self._most = most
        self._money, self._entity = money, entity
        self._cells: dict[Cell, list[tuple[int, int, dict[str, Any]]]] = {}
        self._texts = {
            side.name: ReasonTexts(
                side.bundle.scenario.parts["rules"],
                side.bundle.scenario.base_currency,
                {feature.name: feature.describe for feature in side.bundle.scenario.features},
            )
            for side in self._sides
        }

    def offer(
        self,
        chunk: EventColumns,
        decided: Mapping[str, Decided],
        decide: Callable[[int], dict[str, Decision]],
    ) -> None:
        """Look through a chunk.

        `decide` gives the decisions on its n-th event with their reasons. It is called for the few that are
        kept, while the state is that of the chunk.
        """
        ranks = np.stack([own.outcomes for own in decided.values()])
        differ = (ranks != ranks[0]).any(axis=0)
        chosen = differ if len(ranks) > 1 else (ranks[0] > 0) | (chunk.labels == 1)
        for at in np.flatnonzero(chosen).tolist() if self._most else ():
            label = chunk.labels[at]
            cell = tuple(ranks[:, at].tolist()), -1 if label != label else int(label)
            held = self._cells.setdefault(cell, [])
            name = str(chunk.ids[at]).encode(errors="replace")
            key = -int.from_bytes(blake2b(name, digest_size=7).digest(), "big")
            if len(held) < self._most:
                heapq.heappush(held, (key, -len(held), self._told(chunk.event(at), decide(at))))
            elif key > held[0][0]:
                heapq.heapreplace(held, (key, held[0][1], self._told(chunk.event(at), decide(at))))

    def _told(self, event: Event, decisions: Mapping[str, Decision]) -> dict[str, Any]:
        """An example as plain values, its evidence by arrival numbers."""
        amount = event.values[self._money] if self._money else None
        return {
            "event_id": event.id,
            "time_us": event.time_us,
            "amount": amount if isinstance(amount, int) else None,
            "entity": str(event.values[self._entity] or "") if self._entity else "",
            "sides": {
                name: {
                    "outcome": decision.outcome.value,
                    "risk_score": decision.risk_score,
                    "reasons": [
                        [
                            reason.code,
                            str(reason.severity),
                            self._texts[name].sentence(reason.code, reason.values),
                            list(reason.evidence),
                        ]
                        for reason in decision.reasons
                    ],
                }
                for name, decision in decisions.items()
            },
        }

    def as_data(self) -> list[Any]:
        """What is held so far, as plain values."""
        return [[list(cell[0]), cell[1], held] for cell, held in self._cells.items()]

    def restore(self, data: Sequence[Any]) -> None:
        """Go on from what `as_data` gave."""
        self._cells = {
            (tuple(ranks), label): [(key, at, told) for key, at, told in held] for ranks, label, held in data
        }

    def finish(self, ids: EventIds) -> dict[Cell, tuple[Example, ...]]:
        """The examples by cell, in order of time."""
        return {
            cell: tuple(
                _example(told, cell[1], ids)
                for _, _, told in sorted(held, key=lambda each: each[2]["time_us"])
            )
            for cell, held in sorted(self._cells.items())
        }


def _example(told: Mapping[str, Any], label: int, ids: EventIds) -> Example:
    sides = {
        name: Shown(
            own["outcome"],
            own["risk_score"],
            tuple(
                ShownReason(code, severity, message, tuple(ids.of(evidence)))
                for code, severity, message, evidence in own["reasons"]
            ),
        )
        for name, own in told["sides"].items()
    }
    plain = {name: told[name] for name in ("event_id", "time_us", "amount", "entity")}
    return Example(**plain, fraud=None if label < 0 else bool(label), sides=sides)


def name_cell(cell: Cell) -> str:
    """A cell in words.

    >>> name_cell(((0, 1), 1))
    'APPROVED -> FLAGGED, fraud'
    """
    what = {1: "fraud", 0: "honest"}.get(cell[1], "not known")
    return f"{' -> '.join(LADDER[rank].value for rank in cell[0])}, {what}"
