"""`Tape`: what a replay keeps of each event, some thirty bytes; every figure is made of it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from riskloom.domain.columns import EventColumns
from riskloom.domain.field import NULL, FieldType
from riskloom.measure.calendar import days_of
from riskloom.replay.saved import Arrays, Saved, pack_bytes, unpack_bytes
from riskloom.replay.side import Decided
from riskloom.scenario.scenario import Scenario

UNKNOWN = -1
"""The label of an event of which nobody knows what it turned out to be."""


@dataclass(frozen=True, slots=True)
class Track:
    """What one side decided: ranks on the ladder uint8[n], the rules met as packed bits uint8[n, bytes]."""

    outcomes: npt.NDArray[np.uint8]
    by_model: npt.NDArray[np.uint8]
    packed: npt.NDArray[np.uint8]
    rules: int

    def met(self, rule: int) -> npt.NDArray[np.bool_]:
        """Where a rule is met, bool[n]."""
        return (self.packed[:, rule // 8] >> (7 - rule % 8) & 1).astype(np.bool_)


@dataclass(frozen=True, slots=True)
class Tape:
    """The counted events in arrival order, as columns of one length n.

    Parameters
    ----------
    labels
        int8: 1 for a fraud, 0 for an honest event, UNKNOWN; as known now.
    days
        int32, days since 1970 of the scenario's calendar; 0 for a scenario without time.
    amounts
        int64, the size of the first money field in minor units, 0 where missing; None without money.
    entities
        int32, a number for each key of the main entity, UNKNOWN where missing; None without one.
    segments
        int32, a number for each value of the field asked for; its names are `segment_names`.
    tracks
        By side, in order.
    """

    labels: npt.NDArray[np.int8]
    days: npt.NDArray[np.int32]
    amounts: npt.NDArray[np.int64] | None
    entities: npt.NDArray[np.int32] | None
    segments: npt.NDArray[np.int32] | None
    segment_names: tuple[str, ...]
    tracks: Mapping[str, Track]

    def __len__(self) -> int:
        return len(self.labels)


class Recorder:
    """Puts a tape together, chunk by chunk."""

    def __init__(self, scenario: Scenario, sides: Sequence[str], segment: str) -> None:
        self._scenario = scenario
        self._segment = segment
        money = [field for field in scenario.fields if field.type is FieldType.MONEY]
        self._money = money[0].name if money else ""
        self._parts: dict[str, list[npt.NDArray[Any]]] = {}
        self._sides = tuple(sides)
        self._rules = dict.fromkeys(sides, 0)
        self._entities: dict[object, int] = {}
        self._segments: dict[object, int] = {}

    def add(self, chunk: EventColumns, decided: Mapping[str, Decided]) -> None:
        """One more chunk with what each side decided about it."""
        count, scenario = len(chunk), self._scenario
        self._keep("labels", np.where(np.isnan(chunk.labels), UNKNOWN, chunk.labels).astype(np.int8))
        days = days_of(chunk.time_us, scenario.timezone) if scenario.time_field else np.zeros(count)
        self._keep("days", days.astype(np.int32))
        if self._money:
            held = chunk.values[self._money]
            self._keep("amounts", np.abs(np.where(held == NULL, 0, held)))
        for name, field, codes in (
            ("entities", scenario.main_entity, self._entities),
            ("segments", self._segment, self._segments),
        ):
            if field:
                keys = chunk.listed(field)
                missing = UNKNOWN if name == "entities" else codes.setdefault(None, len(codes))
                found = [missing if key is None else codes.setdefault(key, len(codes)) for key in keys]
                self._keep(name, np.array(found, np.int32))
        for side, own in decided.items():
            self._keep(f"{side} outcomes", own.outcomes)
            self._keep(f"{side} by_model", own.by_model)
            self._keep(f"{side} packed", np.packbits(own.met, axis=1))
            self._rules[side] = own.met.shape[1]

    def save(self) -> Saved:
        """What was recorded so far."""
        self._parts = {name: [np.concatenate(parts)] for name, parts in self._parts.items()}
        told = {
            "rules": self._rules,
            "entities": list(self._entities),
            "segments": list(self._segments),
        }
        return Saved({name: parts[0] for name, parts in self._parts.items()}, told)

    def restore(self, saved: Saved) -> None:
        """Go on from what `save` gave."""
        self._parts = {name: [array] for name, array in saved.arrays.items()}
        self._rules = dict(saved.told["rules"])
        self._entities = {key: number for number, key in enumerate(saved.told["entities"])}
        self._segments = {key: number for number, key in enumerate(saved.told["segments"])}

    def _keep(self, name: str, column: npt.NDArray[Any]) -> None:
        self._parts.setdefault(name, []).append(column)

    def _column(self, name: str) -> Any:
        parts = self._parts.pop(name, None)
        return None if parts is None else np.concatenate(parts)

    def finish(self) -> Tape | None:
        """The whole tape; None when no event was counted. The recorder is empty then."""
        if not self._parts:
            return None
        column = self._column
        tracks = {
            side: Track(
                column(f"{side} outcomes"),
                column(f"{side} by_model"),
                column(f"{side} packed"),
                self._rules[side],
            )
            for side in self._sides
        }
        return Tape(
            column("labels"),
            column("days"),
            column("amounts"),
            column("entities"),
            column("segments"),
            tuple("(missing)" if value is None else str(value) for value in self._segments),
            tracks,
        )


class EventIds:
    """The ids of all events that were read, compressed: a few bytes an event; evidence is named by them."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._chunks: list[bytes] = []
        self._next = 1

    def add(self, ids: Sequence[str]) -> None:
        """The ids of the next events; the first of all has the number 1."""
        self._starts.append(self._next)
        self._chunks.append(zlib.compress(msgspec.json.encode(ids), 1))
        self._next += len(ids)

    def save(self) -> Arrays:
        """The ids as arrays."""
        return {**pack_bytes(self._chunks), "starts": np.array([*self._starts, self._next], np.int64)}

    def restore(self, arrays: Arrays) -> None:
        """Go on from what `save` gave."""
        self._chunks = unpack_bytes(arrays)
        *self._starts, self._next = arrays["starts"].tolist()

    def of(self, numbers: Sequence[int]) -> list[str]:
        """The ids of events by their numbers."""
        opened: dict[int, list[str]] = {}
        names = []
        for number in numbers:
            at = int(np.searchsorted(self._starts, number, side="right")) - 1
            if at not in opened:
                opened[at] = msgspec.json.decode(zlib.decompress(self._chunks[at]))
            names.append(opened[at][number - self._starts[at]])
        return names
