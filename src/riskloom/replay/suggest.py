"""Proposes readable rules from labelled history: shallow trees, one rule at a time, tried on what came later.

Learning sees the first part of the history only; the figures of a rule are those of a replay over the rest.
Needs scikit-learn, the extra `train`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.columns import Labelled
from riskloom.errors import DataInvalid, ExtraMissing, Fault
from riskloom.measure.result import Result
from riskloom.replay.condition import Condition, inside, tightest
from riskloom.replay.rules import RuleFigures, measure_rules
from riskloom.replay.run import Period, replay
from riskloom.replay.sample import Sample, draw_sample
from riskloom.replay.side import Side
from riskloom.scenario.load import scenario_from_parts
from riskloom.scenario.scenario import Scenario

Flags = npt.NDArray[np.bool_]
Chunks = Callable[[], Iterable[Sequence[Labelled]]]
_FEWEST = 10
"""Frauds that a rule must catch where it is learned."""
_AS_GOOD = 0.97
"""The share of its precision that a rule may lose for having a condition less."""
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Suggested(Result):
    """A rule as a scenario declares it, and what it did on what came later."""

    spec: dict[str, Any]
    figures: RuleFigures


@dataclass(frozen=True, slots=True)
class Suggestions(Result):
    """The rules in the order they were found; learned from before `learned_until_us`, tried from then on."""

    rules: tuple[Suggested, ...]
    learned_until_us: int
    learned_from: int
    frauds: int
    tried_on: int


def suggest(
    bundle: Bundle,
    chunks: Chunks,
    *,
    most: int = 5,
    depth: int = 3,
    min_precision: float = 0.5,
    share: float = 0.7,
    missed: bool = False,
    seed: int = 0,
) -> Suggestions:
    """Propose rules.

    Parameters
    ----------
    chunks
        Gives the labelled history, in arrival order, each time it is called; it is read twice.
    most, depth
        How many rules, and of how many conditions each at most.
    min_precision
        The share of frauds that a rule needs among what it is met by, where it is learned.
    share
        The part of the history that is learned from.
    missed
        Learn only from events that the bundle lets pass: what would add to it.

    Raises
    ------
    ExtraMissing
        Without scikit-learn.
    DataInvalid
        Where too few frauds are known.
    """
    sample = draw_sample(bundle, chunks(), missed=missed)
    cut_us = sample.time_of(share)
    early = sample.before(cut_us)
    if early.frauds < _FEWEST:
        wanted = f"at least {_FEWEST} known frauds in the first {share:.0%} of the time"
        raise DataInvalid(Fault("data", wanted, f"{early.frauds}"))
    found = _cover(early, most, depth, min_precision, seed)
    specs = [_spec(conditions, bundle.scenario) for conditions in found]
    taken = {rule.code for rule in bundle.scenario.rules}
    for spec in specs:
        spec["code"] = _own(spec["code"], taken)
    parts = {**bundle.scenario.parts, "rules": [*bundle.scenario.parts["rules"], *specs]}
    tried = make_bundle(scenario_from_parts(parts), bundle.model)
    replayed = replay([Side("A", tried)], chunks(), period=Period(cut_us), examples=0)
    figures = measure_rules(
        replayed.tape,
        replayed.tape.tracks["A"],
        tried.scenario.rules,
        timed=bool(tried.scenario.time_field),
    )
    own = figures[len(figures) - len(specs) :]
    return Suggestions(
        tuple(Suggested(spec, each) for spec, each in zip(specs, own, strict=True)),
        cut_us,
        early.rows,
        early.frauds,
        len(replayed.tape),
    )


def _cover(
    sample: Sample, most: int, depth: int, min_precision: float, seed: int
) -> list[tuple[Condition, ...]]:
    """Rule by rule: the best leaf of a tree over what no rule before is met by."""
    try:
        from sklearn.tree import DecisionTreeClassifier
    except ImportError as error:
        raise ExtraMissing("train", "Proposing rules") from error
    left = np.ones(len(sample.labels), np.bool_)
    found: list[tuple[Condition, ...]] = []
    filled = np.where(np.isnan(sample.columns), sample.fill, sample.columns)
    while len(found) < most:
        frauds = int((sample.labels[left] == 1).sum())
        if frauds < _FEWEST:
            break
        tree = DecisionTreeClassifier(
            max_depth=depth, min_samples_leaf=max(_FEWEST, frauds // 50), random_state=seed
        )
        tree.fit(filled[left], sample.labels[left], sample_weight=sample.weights[left])
        best = _best(sample, left, _paths(tree.tree_, sample), min_precision)
        if best is None:
            break
        found.append(_simplest(sample, left, best))
        left &= ~sample.met(found[-1])
    return found


def _count(sample: Sample, left: Flags, conditions: Sequence[Condition]) -> tuple[float, float]:
    """(frauds caught, precision) as the rule will have them, missing values and all."""
    met = sample.met(conditions) & left
    caught, hits = float((sample.labels[met] == 1).sum()), float(sample.weights[met].sum())
    return caught, caught / hits if hits else 0.0


def _simplest(sample: Sample, left: Flags, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Without the conditions that hardly make it more precise."""
    for one in conditions[::-1]:
        fewer = tuple(each for each in conditions if each is not one)
        if fewer and _count(sample, left, fewer)[1] >= _AS_GOOD * _count(sample, left, conditions)[1]:
            conditions = fewer
    return conditions


def _best(
    sample: Sample, left: Flags, paths: Sequence[tuple[Condition, ...]], min_precision: float
) -> tuple[Condition, ...] | None:
    """The path that is precise enough and catches most."""
    best, most = None, 0.0
    for conditions in paths:
        caught, precision = _count(sample, left, conditions)
        if caught >= _FEWEST and precision >= min_precision and caught > most:
            best, most = conditions, caught
    return best


def _paths(tree: Any, sample: Sample) -> list[tuple[Condition, ...]]:
    """The conditions that lead to each leaf, the tightest of each kind, in words of the scenario."""
    paths: list[tuple[Condition, ...]] = []

    def walk(node: int, conditions: tuple[Condition, ...]) -> None:
        if tree.children_left[node] < 0:
            paths.append(tightest(conditions))
            return
        at, threshold = int(tree.feature[node]), float(tree.threshold[node])
        for child, above in ((tree.children_left[node], False), (tree.children_right[node], True)):
            walk(int(child), (*conditions, _condition(sample, at, threshold, above=above)))

    walk(0, ())
    return [path for path in paths if path]


def _condition(sample: Sample, at: int, threshold: float, *, above: bool) -> Condition:
    name, value = sample.names[at]
    if value is not None:
        return Condition(name, "==" if above else "!=", value)
    if sample.whole[at]:
        return (
            Condition(name, ">=", math.ceil(threshold))
            if above
            else Condition(name, "<=", math.floor(threshold))
        )
    return Condition(name, ">" if above else "<=", _tidy(threshold))


def _tidy(threshold: float) -> float:
    """A threshold as people write it: three digits that count."""
    return float(f"{threshold:.{_DIGITS}g}")


def _spec(conditions: Sequence[Condition], scenario: Scenario) -> dict[str, Any]:
    """A rule as a scenario declares it, with an example of a hit and one of a miss."""
    describe = {feature.name: feature.describe for feature in scenario.features}
    windows = {feature.name for feature in scenario.features if feature.window is not None}
    names = list(dict.fromkeys(one.name for one in conditions))
    told = [f"{describe.get(name) or name.replace('_', ' ')}: {{{name}}}" for name in names]
    hit = {one.name: inside(one, conditions) for one in conditions if one.sign != "!="}
    others = {one.name: False if one.bound is True else "other" for one in conditions if one.sign == "!="}
    hit = {**others, **hit}
    first = conditions[0]
    spec: dict[str, Any] = {
        "code": "_".join(["SUGGESTED", *(name.upper() for name in names[:2])])[:60],
        "when": " and ".join(map(str, conditions)),
        "severity": "high",
        "action": "flag",
        "message": "; ".join(told).replace("{{", "{").replace("}}", "}"),
        "value": first.name,
    }
    behind = next((name for name in names if name in windows), "")
    if behind:
        spec["evidence"] = behind
    without = {name: value for name, value in hit.items() if name != first.name}
    spec["examples"] = [{"hit": hit}, {"miss": without}]
    return spec


def _own(code: str, taken: set[str]) -> str:
    """A code that no rule has yet."""
    own, number = code, 2
    while own in taken:
        own, number = f"{code}_{number}", number + 1
    taken.add(own)
    return own
