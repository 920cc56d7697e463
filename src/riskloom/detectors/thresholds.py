"""Thresholds: from which score on a row is flagged, chosen on rows that training did not learn from.

A row is flagged when its score is at least the threshold, so equal scores are flagged together or not at
all. Every threshold chosen here is the lowest score it flags; one that flags none lies just above the
highest. Where several do equally well the highest wins: fewer alerts for the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.detectors.base import Floats, check_labels
from riskloom.detectors.threshold_ways import WAYS, sweep
from riskloom.errors import DataInvalid, Fault, ParameterInvalid, nearest, show
from riskloom.params import Constraint, Value, validate

KINDS: Mapping[str, tuple[Constraint, ...]] = {
    "percentile": (
        Constraint(
            "percentile",
            "number",
            98.0,
            "A row is flagged when at least this percent of the scores are lower.",
            minimum=0,
            maximum=100,
        ),
    ),
    "contamination": (
        Constraint(
            "contamination",
            "number",
            0.06,
            "At most this share of the rows is flagged.",
            above=0,
            maximum=0.5,
        ),
    ),
    "f_beta": (
        Constraint(
            "beta", "number", 1.0, "How many times recall weighs as much as precision.", above=0, maximum=100
        ),
        Constraint(
            "average",
            "text",
            "rows",
            "Whether F is taken over all rows, or day by day and then the mean of the days.",
            choices=("rows", "days"),
        ),
    ),
    "pr_curve": (),
    "precision": (
        Constraint(
            "at_least", "number", 0.9, "At least this share of the flagged is fraud.", above=0, maximum=1
        ),
    ),
    "recall": (
        Constraint("at_least", "number", 0.8, "At least this share of fraud is flagged.", above=0, maximum=1),
    ),
    "alert_budget": (
        Constraint(
            "alerts", "number", 100.0, "How many alerts a day can be looked at.", minimum=0, maximum=1e9
        ),
        Constraint(
            "day",
            "text",
            "average",
            "Whether the mean of the days keeps to the budget, or the worst one too.",
            choices=("average", "worst"),
        ),
    ),
    "cost": (
        Constraint("review", "number", 10.0, "What looking at one alert costs.", minimum=0),
        Constraint("insult", "number", 5.0, "What flagging an honest row costs beside that.", minimum=0),
        Constraint(
            "recovered", "number", 1.0, "The share of a flagged fraud's amount saved.", minimum=0, maximum=1
        ),
    ),
}
"""The ways to choose, and their parameters. Without labels: percentile, contamination, alert_budget."""

LABELLED = frozenset({"f_beta", "pr_curve", "precision", "recall", "cost"})


@dataclass(frozen=True, slots=True)
class ThresholdSpec:
    """How a threshold is chosen: a kind of `KINDS` and its parameters.

    Raises
    ------
    ParameterInvalid
        When there is no such kind, and with every parameter that is wrong.

    >>> ThresholdSpec("recall", {"at_least": 0.5}).parameters
    {'at_least': 0.5}
    """

    kind: str = "percentile"
    parameters: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            hint = nearest(str(self.kind), KINDS)
            raise ParameterInvalid(Fault("kind", f"one of {', '.join(KINDS)}", show(self.kind), hint))
        checked = validate(self.parameters, KINDS[self.kind], where="parameters")
        object.__setattr__(self, "parameters", checked)

    @property
    def needs_labels(self) -> bool:
        """Whether it can only be chosen from rows with labels."""
        return self.kind in LABELLED


@dataclass(frozen=True, slots=True)
class Threshold:
    """From `value` on a score is flagged; `why` says how it was chosen and what it does to those rows."""

    value: float
    why: Mapping[str, Value]


def choose(
    spec: ThresholdSpec,
    scores: Floats,
    labels: Floats | None = None,
    amounts: Floats | None = None,
    days: npt.NDArray[np.int64] | None = None,
    entities: npt.NDArray[Any] | None = None,
) -> Threshold:
    """Choose a threshold on scores; O(n log n).

    Parameters
    ----------
    scores
        float64[n], finite; of anything that is higher for the more suspicious.
    labels
        float64[n] of 0 and 1, both there. Without need for them they still give facts.
    amounts
        float64[n], in the unit of the costs; what is lost when a fraud is missed.
    days
        int64[n], a number for each day. Days without a row are no days.
    entities
        n keys of any kind (a card, a user): an entity flagged twice on a day is one alert. None is nobody,
        and each of its rows an alert; without `entities` every row is one.

    Raises
    ------
    DataInvalid
        With all that is missing or does not fit.

    >>> scores, labels = np.array([0.1, 0.9, 0.4, 0.8]), np.array([0.0, 1.0, 0.0, 1.0])
    >>> choose(ThresholdSpec("recall", {"at_least": 1.0}), scores, labels).value
    0.8
    """
    _check(spec, scores, labels, amounts, days, entities)
    rows = sweep(scores, labels, amounts, days, entities)
    place, facts = WAYS[spec.kind](spec.parameters, rows)
    flagged, caught = int(rows.flagged[place]), int(rows.caught[place])
    why: dict[str, Value] = {"kind": spec.kind, **spec.parameters, "rows": len(scores), "flagged": flagged}
    why["flagged_share"] = flagged / len(scores)
    if labels is not None:
        why |= {"frauds": rows.frauds, "caught": caught, "recall": caught / rows.frauds}
        if flagged:
            why["precision"] = caught / flagged
    return Threshold(float(rows.score[place]), why | facts)


def _check(
    spec: ThresholdSpec, scores: object, labels: object, amounts: object, days: object, entities: object
) -> None:
    faults: list[Fault] = []
    if not isinstance(scores, np.ndarray) or scores.ndim != 1 or not scores.size:
        raise DataInvalid(Fault("scores", "one finite score for each row", show(scores)))
    count = scores.size
    if scores.dtype != np.float64 or not np.isfinite(scores).all():
        faults.append(Fault("scores", "finite scores as float64"))
    if labels is not None or spec.needs_labels:
        try:
            check_labels(labels, count)
        except DataInvalid as error:
            faults += error.faults
    if amounts is not None or spec.kind == "cost":
        known = np.asarray(amounts, np.float64) if isinstance(amounts, np.ndarray) else np.empty(0)
        if known.shape != (count,) or not np.isfinite(known).all() or known.min() < 0:
            faults.append(Fault("amounts", f"{count} finite amounts of 0 and more", show(amounts)))
    if days is not None or spec.kind == "alert_budget" or spec.parameters.get("average") == "days":
        fits = isinstance(days, np.ndarray) and days.dtype == np.int64 and days.shape == (count,)
        if not fits:
            faults.append(Fault("days", f"{count} numbers of days as int64", show(days)))
    if entities is not None and not (isinstance(entities, np.ndarray) and entities.shape == (count,)):
        faults.append(Fault("entities", f"{count} keys", show(entities)))
    if faults:
        raise DataInvalid(faults)
