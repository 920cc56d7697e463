"""Trains a scenario on labelled events: features as they were at each event, an honest split, the bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom import detectors
from riskloom.bundle import Bundle, make_bundle
from riskloom.detectors.thresholds import Threshold, ThresholdSpec, choose
from riskloom.domain.columns import Labelled
from riskloom.errors import DataInvalid, Fault
from riskloom.measure.calendar import days_of
from riskloom.measure.ranking import average_precision
from riskloom.model import Model
from riskloom.pipeline import Pipeline
from riskloom.scenario.load import scenario_from_parts
from riskloom.scenario.scenario import Scenario
from riskloom.training.fit import Told, fit_model
from riskloom.training.history import History, compute_history
from riskloom.training.known import drop_known
from riskloom.training.split import Parts, split_by_shares, split_stratified
from riskloom.training.tune import tune

SHARES = (0.6, 0.2, 0.2)
AT_MOST = frozenset({"alert_budget", "contamination", "precision"})
"""Thresholds that promise not to flag more."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One trained model under its own policy, and the average precision it has on the validation (or NaN)."""

    name: str
    scenario: Scenario
    model: Model
    threshold: Threshold | None
    merit: float


@dataclass(frozen=True, slots=True)
class Trained:
    """What came out: candidates, best first, over one history and one split of it.

    `parts` is None where nothing could be held back; `why_whole` says why then.
    """

    history: History
    parts: Parts | None
    why_whole: str
    candidates: tuple[Candidate, ...]

    @property
    def bundle(self) -> Bundle:
        """The bundle of the best candidate."""
        best = self.candidates[0]
        return make_bundle(best.scenario, best.model)


def train(
    scenario: Scenario,
    chunks: Iterable[Sequence[Labelled]],
    *,
    seed: int,
    about: dict[str, Any],
    kinds: Sequence[str] = (),
    shares: Sequence[float] = SHARES,
    trials: int = 0,
    on_events: Callable[[int], None] = lambda _count: None,
    progress: Told | None = None,
) -> Trained:
    """Train on a history with labels where it has them.

    With labels the history is split by time (by chance where there is no time): detectors learn from the
    first part, ensemble, calibration and threshold from the second, and the third judges; entities that were
    known to be compromised are not in it. Without labels everything is learned from.

    Parameters
    ----------
    kinds
        Detectors to compare, each alone with what the scenario's first detector sees; none for the model as
        it is declared.
    shares
        Of train, validation and test.
    trials
        How many sets of parameters are tried for each detector, 0 for those that are declared.

    Raises
    ------
    DataInvalid
        With fewer than 100 events, and without labels where a detector needs them.
    ExtraMissing
        Without the library that trains.
    """
    history = compute_history(Pipeline(make_bundle(scenario, None)), chunks, on_events)
    return train_on(
        history,
        scenario,
        seed=seed,
        about=about,
        kinds=kinds,
        shares=shares,
        trials=trials,
        progress=progress,
    )


def train_on(
    history: History,
    scenario: Scenario,
    *,
    seed: int,
    about: dict[str, Any],
    kinds: Sequence[str] = (),
    shares: Sequence[float] = SHARES,
    trials: int = 0,
    progress: Told | None = None,
) -> Trained:
    """`train` on a history whose features are computed already."""
    parts, why_whole = split(history, scenario, shares, seed)
    learned = history if parts is None else history.rows(mask(history, parts.train))
    judged = None if parts is None else history.rows(mask(history, parts.validation))
    about = {**about, "split": why_whole if parts is None else _told(parts)}
    candidates = [
        _train_one(
            name,
            tune(declared, learned, judged, trials=trials, seed=seed, progress=progress)
            if trials
            else declared,
            learned,
            judged,
            seed,
            about,
            progress,
        )
        for name, declared in _declared(scenario, kinds)
    ]
    candidates.sort(key=lambda candidate: -np.nan_to_num(candidate.merit, nan=-1.0))
    return Trained(history, parts, why_whole, tuple(candidates))


def split(
    history: History, scenario: Scenario, shares: Sequence[float], seed: int
) -> tuple[Parts | None, str]:
    """(the parts of a history, nothing), or (None, why it stays whole)."""
    if not history.labelled:
        return None, "no labels of both kinds"
    try:
        if not scenario.time_field:
            return split_stratified(np.nan_to_num(history.labels), shares, seed=seed), ""
        delay_us = scenario.label_delay_us
        parts = split_by_shares(history.time_us, shares, delay=delay_us).assign(history.time_us)
        entities = np.where(history.entities < 0, -1, history.entities)
        return drop_known(parts, history.time_us, history.labels, entities, timezone=scenario.timezone), ""
    except DataInvalid as error:
        return None, f"too short to hold rows back: {error}"


def _declared(scenario: Scenario, kinds: Sequence[str]) -> list[tuple[str, Scenario]]:
    """Each model to train, by name, with the scenario that declares it."""
    if not kinds:
        spec = scenario.model
        return [(spec.ensemble or spec.detectors[0].name, scenario)]
    first = dict(
        (scenario.parts["model"].get("detectors") or [scenario.parts["model"].get("detector") or {}])[0]
    )
    declared = []
    for kind in kinds:
        detectors.load(kind)
        alone = {"kind": kind, **{key: first[key] for key in ("features", "prepare") if key in first}}
        if kind == first.get("kind", "isolation_forest"):
            alone["parameters"] = first.get("parameters") or {}
        model = {"detector": alone, "calibration": scenario.model.calibration}
        declared.append((kind, scenario_from_parts({**scenario.parts, "model": model})))
    return declared


def _train_one(
    name: str,
    scenario: Scenario,
    learned: History,
    judged: History | None,
    seed: int,
    about: dict[str, Any],
    progress: Told | None,
) -> Candidate:
    model = fit_model(learned, scenario, seed=seed, validation=judged, about=about, progress=progress)
    merit = float("nan")
    if judged is not None and judged.labelled:
        known = ~np.isnan(judged.labels)
        merit = average_precision(judged.labels[known], model.anomaly_many(judged.vectors[known]))
    spec = scenario.model.threshold
    if spec is None:
        return Candidate(name, scenario, model, None, merit)
    threshold = choose_threshold(spec, model, scenario, judged if judged is not None else learned)
    return Candidate(name, with_threshold(scenario, model, threshold), model, threshold, merit)


def choose_threshold(spec: ThresholdSpec, model: Model, scenario: Scenario, rows: History) -> Threshold:
    """The threshold of a model's score that `spec` asks for, chosen on rows it did not learn from.

    Raises
    ------
    DataInvalid
        When it needs labels and the rows have none.
    """
    if spec.needs_labels:
        rows = rows.rows(~np.isnan(rows.labels))
        if not rows.labelled:
            hint = "percentile, contamination and alert_budget need no labels"
            raise DataInvalid(Fault("policy.threshold", "labelled events later than training", "none", hint))
    known = rows.labelled and not np.isnan(rows.labels).any()
    return choose(
        spec,
        model.anomaly_many(rows.vectors),
        rows.labels if known else None,
        rows.amounts,
        days_of(rows.time_us, scenario.timezone),
        rows.entities,
    )


def with_threshold(scenario: Scenario, model: Model, threshold: Threshold) -> Scenario:
    """The scenario whose policy flags from a threshold on: as a percentile of the model's own reference."""
    at_most = threshold.why["kind"] in AT_MOST
    percentile = model.reference.percentile_of(threshold.value, at_most=at_most)
    policy = {**scenario.parts["policy"], "percentile": percentile, "chosen": dict(threshold.why)}
    reject = scenario.policy.reject_percentile
    if reject is not None and reject < percentile:
        policy["reject_percentile"] = 100.0
    return scenario_from_parts({**scenario.parts, "policy": policy})


def mask(history: History, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Row numbers of a history as one truth for each of its rows."""
    chosen = np.zeros(len(history), np.bool_)
    chosen[rows] = True
    return chosen


def _told(parts: Parts) -> dict[str, Any]:
    """What a manifest says of a split."""
    told: dict[str, Any] = {"scheme": parts.scheme}
    told |= {name: len(rows) for name, rows in parts.named().items()}
    told["dropped"] = len(parts.dropped)
    if parts.periods is not None:
        told["periods"] = parts.periods.as_data()
    return told
