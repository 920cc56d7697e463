"""Judges candidates on the test, rows that nothing was learned from; the figures of the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.measure.calendar import days_of, months_of
from riskloom.measure.cost import CostMatrix
from riskloom.measure.ranking import average_precision, roc_auc
from riskloom.measure.threshold import measure_at
from riskloom.model import Model
from riskloom.scenario.scenario import Scenario
from riskloom.training.fit import fit_model
from riskloom.training.history import History
from riskloom.training.leakage import LeakageReport, check_leakage
from riskloom.training.report.evaluate import Judged, Scored, evaluate_many, split_facts
from riskloom.training.report.evaluation import DataFacts, Evaluation
from riskloom.training.train import Candidate, Trained, mask

_EXPLAINED = 200
"""Rows of the test whose contributions make the importances."""
_LOOKED_AT = 200_000
_LIMITS = (
    "Judged on one period of one history: what fraudsters change later is not in it.",
    "The threshold is a place on the risk scale; it does not move with the share of fraud.",
)


def judge(
    trained: Trained, *, source: str, created: str, leakage: bool = False, seed: int = 0
) -> Evaluation | None:
    """The evaluation of every candidate on the test; None where nothing was held back.

    Parameters
    ----------
    source, created
        The name of the data, and the date, as the report says them.
    leakage
        Whether fields that give the answer away are looked for, and the best candidate fitted without them.
    """
    parts, history = trained.parts, trained.history
    if parts is None:
        return None
    rows = history.rows(mask(history, parts.test) & ~np.isnan(history.labels))
    if not rows.labelled:
        return None
    best = trained.candidates[0]
    scenario = best.scenario
    timed = bool(scenario.time_field)
    judged = Judged(
        rows.labels,
        days_of(rows.time_us, scenario.timezone) if timed else None,
        months_of(rows.time_us, scenario.timezone) if timed else None,
        rows.entities if scenario.main_entity else None,
        scenario.main_entity or "entity",
        np.abs(rows.amounts) * 100 if _has_money(scenario) else None,
        {name: column for name, column in rows.fields.items() if column.dtype == object},
    )
    validation = history.rows(mask(history, parts.validation) & ~np.isnan(history.labels))
    matrix = _matrix(scenario)
    scored = [_scored(candidate, rows, validation) for candidate in trained.candidates]
    return Evaluation(
        scenario=scenario.name,
        describe=scenario.describe,
        detectors=evaluate_many(judged, scored, chosen=best.name, matrix=matrix, seed=seed),
        chosen=best.name,
        data=DataFacts(source, len(history), history.frauds, scenario.label_field),
        split=split_facts(
            parts, history.labels, history.time_us if timed else None, entity=scenario.main_entity
        ),
        threshold_rule=_rule(best),
        seed=int(best.model.info["seed"]),
        created=created,
        features=best.model.features,
        currency=scenario.base_currency if _has_money(scenario) else "",
        matrix=matrix,
        leakage=look_for_leaks(trained) if leakage else None,
        hashes={"data": str(best.model.info["data_sha256"]), "scenario": scenario.fingerprint()},
        versions={name: str(version) for name, version in best.model.info["versions"].items()},
        limits=(*_LIMITS, *_begun_anew(trained.candidates)),
        interval_by=scenario.main_entity or "rows",
    )


def _begun_anew(candidates: Sequence[Candidate]) -> Iterator[str]:
    """A sentence for each detector whose training diverged and was done again by the guard."""
    for candidate in candidates:
        for member in candidate.model.members:
            if refits := getattr(member.detector, "refits", 0):
                times = "once" if refits == 1 else f"{refits} times"
                yield (
                    f"{candidate.name}: the training of {member.kind} diverged, as it may where frauds are "
                    f"very rare, and began anew {times} with safer settings."
                )


def _scored(candidate: Candidate, rows: History, validation: History) -> Scored:
    """A candidate's scores; thresholds are on the risk scale, where the policy draws its line."""
    model, threshold = candidate.model, candidate.scenario.policy.percentile
    scores = model.score_many(rows.vectors)
    before = None
    if validation.labelled:
        risks = model.score_many(validation.vectors).risk_scores
        before = measure_at(validation.labels, risks, threshold)
    importances, what = importances_of(model, rows.vectors)
    return Scored(
        candidate.name,
        scores.risk_scores + _order_within(scores.anomaly_scores),
        threshold,
        scores.probabilities,
        importances,
        what,
        before,
        ", ".join(member.kind for member in model.members),
    )


def _order_within(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Less than any step of the risk scale, in the order of the scores: ties of the risk score stay apart."""
    places = np.unique(scores, return_inverse=True)[1].astype(np.float64)
    return places * (1e-9 / max(scores.size, 1))


def importances_of(model: Model, vectors: npt.NDArray[np.float64]) -> tuple[dict[str, float], str]:
    """(mean size of what each feature adds, of what) over the highest rows and an even draw."""
    order = np.argsort(-model.anomaly_many(vectors), kind="stable")
    even = order[:: max(1, len(order) // _EXPLAINED)][:_EXPLAINED]
    chosen = np.unique(np.concatenate([order[:_EXPLAINED], even]))
    told = [model.contributions_one(vectors[at]) for at in chosen]
    known = [each for each in told if each is not None]
    if not known:
        return {}, ""
    sizes = np.mean([np.abs(each.parts) for each in known], axis=0)
    return dict(zip(model.features, sizes.tolist(), strict=True)), known[0].of


def look_for_leaks(trained: Trained) -> LeakageReport:
    """Fields that tell the answer, and what the best candidate is worth without them."""
    history, best = trained.history, trained.candidates[0]
    known = history.rows(_some(~np.isnan(history.labels)))
    return check_leakage(
        known.fields, known.labels, times_us=known.time_us, fit_and_score=_without(trained, best)
    )


def _some(chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """At most so many rows, evenly drawn: the check compares every pair of fields."""
    rows = np.flatnonzero(chosen)
    step = max(1, -(-rows.size // _LOOKED_AT))
    some = np.zeros(chosen.size, np.bool_)
    some[rows[::step]] = True
    return some


def _without(trained: Trained, best: Candidate) -> Callable[[tuple[str, ...]], Mapping[str, float]]:
    """Trains the best candidate again, blind to some fields and to all that is made of them."""
    history, parts, scenario = trained.history, trained.parts, best.scenario
    if parts is None:
        raise ValueError("nothing was held back")

    def fit_and_score(dropped: tuple[str, ...]) -> Mapping[str, float]:
        blind = replace(history, vectors=_blinded(history, scenario, dropped))
        learned = blind.rows(mask(blind, parts.train))
        judged = blind.rows(mask(blind, parts.validation))
        model = fit_model(learned, scenario, seed=int(best.model.info["seed"]), validation=judged)
        test = blind.rows(mask(blind, parts.test) & ~np.isnan(blind.labels))
        scores = model.anomaly_many(test.vectors)
        return {
            "roc_auc": roc_auc(test.labels, scores),
            "average_precision": average_precision(test.labels, scores),
        }

    return fit_and_score


def _blinded(history: History, scenario: Scenario, dropped: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """The vectors with every feature that reads a dropped field, directly or not, missing."""
    tainted = set(dropped)
    vectors = history.vectors.copy()
    for derived in scenario.derived:
        if derived.expression.names & tainted:
            tainted.add(derived.field.name)
    for at, feature in enumerate(scenario.features):
        read: set[str] = set() if feature.expression is None else set(feature.expression.names)
        read |= set() if feature.window is None else {*feature.window.of, feature.window.entity_column}
        if read & tainted:
            tainted.add(feature.name)
            vectors[:, at] = np.nan
    return vectors


def _rule(best: Candidate) -> str:
    if best.threshold is None:
        return f"risk score of at least {best.scenario.policy.percentile:g}, as the policy says"
    why: Mapping[str, Any] = best.threshold.why
    return f"{str(why['kind']).replace('_', ' ')} on the validation"


def _has_money(scenario: Scenario) -> bool:
    return any(field.type == "money" for field in scenario.fields)


def _matrix(scenario: Scenario) -> CostMatrix | None:
    spec = scenario.model.threshold
    if spec is None or spec.kind != "cost" or not _has_money(scenario):
        return None
    held = {name: float(value) for name, value in spec.parameters.items()}
    return CostMatrix(held["review"] * 100, held["insult"] * 100, held["recovered"])
