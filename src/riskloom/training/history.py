"""What is trained on: the vectors of a history as they were when its events arrived, and what turned out."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.domain.columns import EventColumns, Labelled
from riskloom.domain.field import Field, FieldType
from riskloom.features.state import Told
from riskloom.pipeline import Pipeline
from riskloom.scenario.scenario import Scenario

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class History:
    """Events in arrival order, as columns of one length n.

    Parameters
    ----------
    vectors
        float64[n, F] in the scenario's order, NaN where missing.
    labels
        1 for a fraud, 0 for an honest event, NaN where nobody knows.
    time_us
        When they happened; the row's number for a scenario without time.
    amounts
        The first money field in major units of the base currency; 1 each for a scenario without money.
    entities
        A number for each different key of the main entity, its own for a missing key.
    fields
        The events' own numbers, truths and categories, as expressions see them; for the leakage check.
    """

    vectors: Floats
    labels: Floats
    time_us: Ints
    amounts: Floats
    entities: Ints
    fields: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def frauds(self) -> int:
        """How many events are known to be frauds."""
        return int((self.labels == 1).sum())

    @property
    def labelled(self) -> bool:
        """Whether both frauds and honest events are known."""
        return self.frauds > 0 and bool((self.labels == 0).any())

    @property
    def digest(self) -> str:
        """The SHA-256 of vectors and labels."""
        digest = hashlib.sha256(np.ascontiguousarray(self.vectors).tobytes())
        digest.update(np.ascontiguousarray(self.labels).tobytes())
        return digest.hexdigest()

    def rows(self, chosen: npt.NDArray[np.bool_]) -> History:
        """Some of the events, in the same order."""
        return History(
            self.vectors[chosen],
            self.labels[chosen],
            self.time_us[chosen],
            self.amounts[chosen],
            self.entities[chosen],
            {name: column[chosen] for name, column in self.fields.items()},
        )


def unlabelled(vectors: Floats) -> History:
    """A history of which nothing but the vectors is known."""
    count = len(vectors)
    numbers = np.arange(count, dtype=np.int64)
    return History(vectors, np.full(count, np.nan), numbers, np.ones(count), numbers)


def compute_history(
    pipeline: Pipeline,
    chunks: Iterable[Sequence[Labelled]],
    on_events: Callable[[int], None] = lambda _count: None,
) -> History:
    """The history of labelled events in arrival order; the pipeline's state takes them in.

    Takes about 8 bytes times the features an event.
    """
    collect = _Collector(pipeline.scenario)
    for chunk, vectors in compute_features(pipeline, chunks):
        collect.add(chunk, vectors)
        on_events(len(chunk))
    return collect.finish()


def compute_features(
    pipeline: Pipeline, chunks: Iterable[Sequence[Labelled]], *, arrival: int = 1
) -> Iterator[tuple[Sequence[Labelled], Floats]]:
    """(chunk, vectors) of each chunk in arrival order; vectors hold what was known when an event arrived.

    A label is known `label_delay` after its event, and before whatever arrives at that moment.
    """
    labels = LabelFeed(pipeline)
    for chunk in chunks:
        facts = labels.take(chunk, arrival)
        vectors, _, _ = pipeline.compute_many([event for event, _ in chunk], arrival, facts)
        arrival += len(chunk)
        yield chunk, vectors


class LabelFeed:
    """Frauds on their way to being known, for scenarios with label-aware features."""

    def __init__(self, pipeline: Pipeline) -> None:
        scenario = pipeline.scenario
        self._pipeline = pipeline
        self._delay_us = scenario.label_delay_us
        self._wanted = pipeline.takes_facts
        self._coming: deque[tuple[int, Told]] = deque()

    def take(self, chunk: Sequence[Labelled], arrival: int) -> list[Told]:
        """What becomes known on the way through a chunk; its own frauds join the queue."""
        if not self._wanted:
            return []
        rows: Iterable[tuple[int, float]] = ((event.arrived_us, label) for event, label in chunk)
        if isinstance(chunk, EventColumns):
            rows = zip(chunk.arrived_us.tolist(), chunk.labels.tolist(), strict=True)
        facts: list[Told] = []
        for at, (arrived_us, label) in enumerate(rows):
            while self._coming and self._coming[0][0] <= arrived_us:
                facts.append(self._coming.popleft()[1]._replace(before=at))
            if label == 1:
                event = chunk[at][0]
                told = Told(0, event.time_us, self._pipeline.values_of(event), arrival + at, True)
                self._coming.append((event.time_us + self._delay_us, told))
        return facts

    def as_data(self) -> list[list[Any]]:
        """What is on its way, as plain values."""
        return [[due, told.time_us, dict(told.values), told.arrival] for due, told in self._coming]

    def restore(self, data: Sequence[Sequence[Any]]) -> None:
        """Go on from what `as_data` gave."""
        listed = ((due, Told(0, time_us, values, arrival, True)) for due, time_us, values, arrival in data)
        self._coming = deque(listed)


class _Collector:
    """Puts the chunks of a history together."""

    def __init__(self, scenario: Scenario) -> None:
        money = [field for field in scenario.fields if field.type is FieldType.MONEY]
        self._money = money[0] if money else None
        self._entity = scenario.main_entity
        self._numbers: dict[object, int] = {}
        self._width = len(scenario.feature_names)
        self._vectors: list[Floats] = []
        self._columns: list[tuple[Floats, Ints, Floats, Ints]] = []
        self._strangers = 0
        self._shown = {each.name: each for each in scenario.fields if each.type in _SHOWN}
        self._fields: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in self._shown}

    def add(self, chunk: Sequence[Labelled], vectors: Floats) -> None:
        """One more chunk."""
        count = len(chunk)
        labels = np.fromiter((label for _, label in chunk), np.float64, count)
        times = np.fromiter((event.time_us for event, _ in chunk), np.int64, count)
        amounts = np.ones(count)
        if (money := self._money) is not None:
            held = [event.values[money.name] for event, _ in chunk]
            amounts = (
                np.array([np.nan if value is None else value for value in held], np.float64) / money.scale
            )
        keys = [event.values[self._entity] if self._entity else None for event, _ in chunk]
        entities = np.fromiter(map(self._number, keys), np.int64, count)
        for name, each in self._shown.items():
            self._fields[name].append(_column([event.values[name] for event, _ in chunk], each))
        self._vectors.append(vectors)
        self._columns.append((labels, times, amounts, entities))

    def _number(self, key: object) -> int:
        if key is None:
            self._strangers -= 1
            return self._strangers
        return self._numbers.setdefault(key, len(self._numbers))

    def finish(self) -> History:
        """The whole history."""
        if not self._vectors:
            return unlabelled(np.empty((0, self._width)))
        labels, times, amounts, entities = zip(*self._columns, strict=True)
        return History(
            np.concatenate(self._vectors),
            np.concatenate(labels),
            np.concatenate(times),
            np.nan_to_num(np.concatenate(amounts)),
            np.concatenate(entities),
            {name: np.concatenate(parts) for name, parts in self._fields.items()},
        )


_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER, FieldType.MONEY, FieldType.CLOCK, FieldType.BOOLEAN)
_SHOWN = (*_NUMBERS, FieldType.CATEGORY)


def _column(values: list[Any], held: Field) -> npt.NDArray[Any]:
    """A field as a column of numbers (NaN missing) or texts (None missing)."""
    if held.type is FieldType.CATEGORY:
        texts = np.empty(len(values), object)
        texts[:] = values
        return texts
    return np.array([np.nan if value is None else value for value in values], np.float64) / held.scale
