"""Trains a scenario on a file's events: features as they were at each event, the detector, the bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.event import Event
from riskloom.pipeline import Pipeline
from riskloom.scenario.scenario import Scenario
from riskloom.training.fit import Progress, fit_model


def compute_features(
    pipeline: Pipeline, chunks: Iterable[Sequence[Event]], *, arrival: int = 1
) -> Iterator[tuple[Sequence[Event], npt.NDArray[np.float64]]]:
    """(events, vectors) of each chunk in arrival order; vectors hold what was known when an event arrived."""
    for events in chunks:
        vectors, _, _ = pipeline.compute_many(events, arrival)
        arrival += len(events)
        yield events, vectors


def train_bundle(
    scenario: Scenario,
    chunks: Iterable[Sequence[Event]],
    *,
    seed: int,
    about: dict[str, Any],
    on_events: Callable[[int], None] = lambda _count: None,
    on_trees: Progress | None = None,
) -> Bundle:
    """Train on every event of a history and put the bundle together.

    Raises
    ------
    DataInvalid
        With fewer than 100 events.
    ExtraMissing
        Without the library that trains.
    """
    pipeline = Pipeline(make_bundle(scenario, None))
    parts: list[npt.NDArray[np.float64]] = []
    for events, vectors in compute_features(pipeline, chunks):
        parts.append(vectors)
        on_events(len(events))
    width = len(scenario.feature_names)
    matrix = np.concatenate(parts) if parts else np.empty((0, width))
    return make_bundle(scenario, fit_model(matrix, scenario, seed=seed, about=about, progress=on_trees))
