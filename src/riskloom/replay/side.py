"""`Side`: one bundle of a comparison, and how sides that share their features share one state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.decision import RANK
from riskloom.errors import Fault, ParameterInvalid, nearest, show
from riskloom.pipeline import Pipeline
from riskloom.scenario.load import scenario_from_parts

_READ_BY = ("fields", "id_field", "time_field", "base_currency", "label_field", "label_delay_us")


@dataclass(frozen=True, slots=True)
class Side:
    """A bundle under the name it has in the tables."""

    name: str
    bundle: Bundle


def with_policy(bundle: Bundle, other: Bundle) -> Bundle:
    """The bundle with the rules and the policy of another; model, features and rates stay.

    Raises
    ------
    ScenarioInvalid
        When those rules speak of what this bundle's features lack.
    """
    parts = {**bundle.scenario.parts, **{part: other.scenario.parts[part] for part in ("rules", "policy")}}
    return make_bundle(scenario_from_parts(parts), bundle.model)


def check_sides(sides: Sequence[Side]) -> None:
    """Make sure that all sides read the same events.

    Raises
    ------
    ParameterInvalid
        For no side, a name given twice, or events that are read otherwise; all at once.
    """
    faults = [] if sides else [Fault("bundle", "at least one", "none")]
    names = [side.name for side in sides]
    faults += [Fault("bundle", "a name of its own", show(name)) for name in {*names} if names.count(name) > 1]
    for side in sides[1:]:
        first, own = sides[0].bundle.scenario, side.bundle.scenario
        faults += [
            Fault(f"bundle {side.name}: {what}", f"that of {sides[0].name}", "another")
            for what in _READ_BY
            if getattr(own, what) != getattr(first, what)
        ]
        if own.parts["rates"] != first.parts["rates"]:
            faults.append(Fault(f"bundle {side.name}: rates", f"those of {sides[0].name}", "others"))
    if faults:
        raise ParameterInvalid(faults)


def check_segment(side: Side, field: str) -> None:
    """Make sure that events can be told apart by a field.

    Raises
    ------
    ParameterInvalid
    """
    known = [each.name for each in side.bundle.scenario.fields]
    if field not in known:
        raise ParameterInvalid(Fault("by", f"one of {', '.join(known)}", show(field), nearest(field, known)))


@dataclass(frozen=True, slots=True)
class Decided:
    """What one side decided about n events.

    `outcomes` are ranks on the ladder, `by_model` is 1 where the model asks for more than APPROVED: uint8[n];
    `met` is bool[n, rules].
    """

    outcomes: npt.NDArray[np.uint8]
    by_model: npt.NDArray[np.uint8]
    met: npt.NDArray[np.bool_]


def decide_many(
    pipeline: Pipeline,
    vectors: npt.NDArray[np.float64],
    columns: Mapping[str, npt.NDArray[Any]],
    arrivals: Sequence[int],
    arrived_us: Sequence[int],
    event_ids: Sequence[str] = (),
) -> Decided:
    """Decide what `compute_many` gave, lists, budget and limits included, as `Pipeline.score_one` does."""
    _, met, found = pipeline.judge_many(vectors, dict(columns), arrivals, arrived_us, event_ids)
    outcomes = np.fromiter((RANK[outcome] for outcome in found.outcomes), np.uint8, len(found.outcomes))
    return Decided(outcomes, found.by_model.astype(np.uint8), met)
