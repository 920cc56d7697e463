"""A sample of a history to learn rules from: every fraud, and so many honest events, evenly drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.bundle import Bundle
from riskloom.domain.columns import EventColumns, Labelled
from riskloom.domain.field import FieldType
from riskloom.expression.tree import Type
from riskloom.pipeline import Pipeline
from riskloom.replay.condition import Condition
from riskloom.replay.side import decide_many
from riskloom.scenario.scenario import Feature
from riskloom.training.history import LabelFeed

Flags = npt.NDArray[np.bool_]
HONEST = 300_000
"""Most honest events that are kept."""
_TEXTS = 12
"""Values of a category that a rule may name: the most frequent ones."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Columns float32[n, k], NaN where missing.

    `names` are (feature, None), or for columns of 1 and 0 (field, a text that it may equal) and (condition,
    True). `whole` says which columns hold whole numbers only; `fill` stands for what is missing while a tree
    is grown; `weights` says how many events a row stands for.
    """

    names: tuple[tuple[str, str | bool | None], ...]
    columns: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int8]
    weights: npt.NDArray[np.float32]
    times_us: npt.NDArray[np.int64]
    whole: Flags
    fill: npt.NDArray[np.float32]

    @property
    def frauds(self) -> int:
        """Known frauds."""
        return int((self.labels == 1).sum())

    @property
    def rows(self) -> int:
        """How many events the rows stand for."""
        return int(self.weights.sum())

    def time_of(self, share: float) -> int:
        """The time until which this share of the events arrived."""
        passed = np.cumsum(self.weights)
        at = int(np.searchsorted(passed, share * passed[-1])) if passed.size else 0
        return int(self.times_us[min(at, passed.size - 1)]) if passed.size else 0

    def before(self, time_us: int) -> Sample:
        """The rows that arrived before a time."""
        kept = self.times_us < time_us
        return Sample(
            self.names,
            self.columns[kept],
            self.labels[kept],
            self.weights[kept],
            self.times_us[kept],
            self.whole,
            self.fill,
        )

    def met(self, conditions: Sequence[Condition]) -> Flags:
        """Where all conditions hold, as a rule counts them: what is missing meets none."""
        found = np.ones(len(self.labels), np.bool_)
        for one in conditions:
            if not one.is_numeric:
                own = self.columns[:, self.names.index((one.name, one.bound))]
                found &= own == (1 if one.sign == "==" else 0)
                continue
            own = self.columns[:, self.names.index((one.name, None))]
            found &= _COMPARE[one.sign](own, one.bound)
        return found


_COMPARE: Mapping[str, Any] = {">": np.greater, ">=": np.greater_equal, "<=": np.less_equal}


def draw_sample(bundle: Bundle, chunks: Iterable[Sequence[Labelled]], *, missed: bool) -> Sample:
    """Read a history once; of honest events every second is dropped whenever there are too many."""
    pipeline = Pipeline(bundle)
    scenario = bundle.scenario
    labels_feed, arrival, stride, honest = LabelFeed(pipeline), 1, 1, 0
    categories = [field.name for field in scenario.fields if field.type is FieldType.CATEGORY]
    parts: list[_Rows] = []
    for chunk in chunks:
        events = EventColumns.of(chunk, scenario.fields)
        labels, moments = events.labels, events.arrived_us
        vectors, columns, _ = pipeline.compute_columns(events, arrival, labels_feed.take(events, arrival))
        kept = (labels == 1) | ((labels == 0) & (np.arange(arrival, arrival + len(chunk)) % stride == 0))
        if missed:
            numbers = range(arrival, arrival + len(chunk))
            kept &= decide_many(pipeline, vectors, columns, numbers, moments.tolist()).outcomes == 0
        places = np.arange(arrival, arrival + len(chunk))[kept]
        times = moments[kept]
        texts = {name: columns[name][kept] for name in categories}
        parts.append(_Rows(vectors[kept].astype(np.float32), labels[kept] == 1, places, times, texts))
        honest += int((labels[kept] == 0).sum())
        arrival += len(chunk)
        while honest > HONEST:
            stride *= 2
            parts = [part.thinned(stride) for part in parts]
            honest = sum(int((~part.fraud).sum()) for part in parts)
    features = [(feature.name, _is_condition(feature) or None) for feature in scenario.features]
    return _join(features, categories, parts, stride)


def _is_condition(feature: Feature) -> bool:
    return feature.expression is not None and feature.expression.type is Type.BOOLEAN


@dataclass(frozen=True, slots=True)
class _Rows:
    vectors: npt.NDArray[np.float32]
    fraud: Flags
    numbers: npt.NDArray[np.int64]
    times_us: npt.NDArray[np.int64]
    texts: Mapping[str, npt.NDArray[Any]]

    def thinned(self, stride: int) -> _Rows:
        kept = self.fraud | (self.numbers % stride == 0)
        texts = {name: column[kept] for name, column in self.texts.items()}
        return _Rows(self.vectors[kept], self.fraud[kept], self.numbers[kept], self.times_us[kept], texts)


def _join(
    features: Sequence[tuple[str, bool | None]],
    categories: Sequence[str],
    parts: Sequence[_Rows],
    stride: int,
) -> Sample:
    vectors = np.concatenate([part.vectors for part in parts]) if parts else np.empty((0, len(features)))
    fraud = np.concatenate([part.fraud for part in parts]) if parts else np.empty(0, np.bool_)
    names: list[tuple[str, str | bool | None]] = [*features]
    columns = [vectors]
    for name in categories if parts else ():
        texts = np.concatenate([part.texts[name] for part in parts])
        known = texts[[text is not None for text in texts]].astype(str)
        values, counts = np.unique(known, return_counts=True)
        for value in values[np.argsort(-counts, kind="stable")[:_TEXTS]].tolist():
            names.append((name, value))
            own = [np.nan if text is None else float(text == value) for text in texts]
            columns.append(np.array(own, np.float32)[:, None])
    joined = np.concatenate(columns, axis=1).astype(np.float32)
    finite = np.where(np.isfinite(joined), joined, np.nan)
    known = np.where(np.isnan(finite), 0, finite)
    whole = np.asarray((known == np.rint(known)).all(axis=0), np.bool_)
    low = np.where(np.isnan(finite), np.inf, finite).min(axis=0, initial=0.0)
    return Sample(
        tuple(names),
        finite,
        fraud.astype(np.int8),
        np.where(fraud, 1, stride).astype(np.float32),
        np.concatenate([part.times_us for part in parts]) if parts else np.empty(0, np.int64),
        whole,
        (low - 1).astype(np.float32),
    )
