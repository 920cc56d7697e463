"""The guard of the boosted kinds: a training that diverged is seen, and done again with safer settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

import numpy as np

from riskloom.detectors.base import Floats
from riskloom.detectors.boosting import BoostedTrees
from riskloom.detectors.boosting_fit import Settings, Training
from riskloom.params import Value

_JUDGED = 200_000
_SLACK = 0.02
"""By how much of a constant's loss a model may do worse than the best of its stages."""

Bounds = Mapping[str, tuple[float, float]]
Model = TypeVar("Model", bound=BoostedTrees)


class Verdict(NamedTuple):
    """How a model does, the better the greater: on what it learned from, on the holdout, its loss negated."""

    sound: bool
    holdout_auc: float
    gain: float

    @property
    def passes(self) -> bool:
        """Whether nothing says that the training diverged."""
        return self.sound and self.holdout_auc >= 0.5


def fit_guarded(
    grow: Callable[[Settings], Model], settings: Settings, safer: Sequence[Bounds], training: Training
) -> Model:
    """The model that `grow` makes or, should that rank worse than none at all, the best of safer ones.

    On very rare classes boosting may diverge: leaves of honest rows alone have next to no curvature, so each
    step there is longer than the last (LightGBM's defaults do that). Such a model, or the first part of its
    trees, has a greater loss on its own training rows than a constant, or more trees than are good for that
    loss, or it ranks them, or the holdout, worse than chance would.

    Parameters
    ----------
    safer
        The bounds that settings are brought into, one after another as long as the model does not pass.
    """
    best = grow(settings)
    verdict = judge(best, training)
    for refits, bounds in enumerate(safer, start=1):
        if verdict.passes:
            break
        settings = {name: _within(value, bounds.get(name)) for name, value in settings.items()}
        model = replace(grow(settings), refits=refits)
        found = judge(model, training)
        if found > verdict:
            best, verdict = model, found
    return best


def _within(value: Value, bounds: tuple[float, float] | None) -> Value:
    if bounds is None or isinstance(value, str):
        return value
    return type(value)(min(max(value, bounds[0]), bounds[1]))


def judge(model: BoostedTrees, training: Training) -> Verdict:
    """How a model does on what it learned from (all frauds, some of many honest rows) and on the holdout."""
    learned, count = training.learned, len(model.trees)
    every = max(1, learned.labels.size // _JUDGED)
    frauds, honest = np.flatnonzero(learned.labels == 1), np.flatnonzero(learned.labels == 0)[::every]
    rows = learned.rows[np.concatenate((frauds, honest))]
    parts = np.array([float(learned.weights[frauds[0]]) * frauds.size, float(every * honest.size)])
    parts /= parts.sum()

    def loss(score: Floats) -> float:
        high, low = score[: frauds.size], score[frauds.size :]
        return float(parts @ [np.logaddexp(0.0, -high).mean(), np.logaddexp(0.0, low).mean()])

    constant = float(-parts @ np.log(parts))
    fewer = {count * quarters // 4 for quarters in (1, 2, 3)} - {0}
    stages = [loss(replace(model, trees=model.trees.first(some)).score_many(rows)) for some in fewer]
    score = model.score_many(rows)
    whole = loss(score)
    slack = _SLACK * constant
    falling = max([*stages, whole]) <= constant + slack and whole <= min([*stages, whole]) + slack
    sound = falling and _auc(score[: frauds.size], score[frauds.size :]) >= 0.5
    held = training.held
    if held is None:
        return Verdict(sound, 0.5, -whole)
    later = model.score_many(held.rows)
    return Verdict(sound, _auc(later[held.labels == 1], later[held.labels == 0]), -whole)


def _auc(high: Floats, low: Floats) -> float:
    """The chance that a fraud scores above an honest row, ties counting half; one half without either."""
    if not high.size or not low.size:
        return 0.5
    below = np.sort(low)
    won = np.searchsorted(below, high, "left") + np.searchsorted(below, high, "right")
    return float(won.mean() / (2 * below.size))
