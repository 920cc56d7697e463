"""What the chosen detector does badly, said in sentences, from the figures alone."""

from __future__ import annotations

import math
from collections.abc import Iterator

from riskloom.measure.groups import weakest
from riskloom.training.report.evaluation import DetectorEvaluation, Evaluation
from riskloom.training.report.words import MEASURES, count, figure, money, percent, plural

_FEW_FRAUDS = 100
_MOST_NAMED = 4
_SHIFT = 1.25
_COMPARED = ("average_precision", "roc_auc", "recall_at_fpr")


def weaknesses(evaluation: Evaluation) -> tuple[str, ...]:
    """Sentences for a model card, the costliest first; never empty, as no model is without fault."""
    best = evaluation.best
    return (
        *_misses(evaluation, best),
        *_groups(best),
        *_better_ones(evaluation),
        *_probabilities(best),
        *_drift(best),
        *_evidence(evaluation, best),
    )


def _misses(evaluation: Evaluation, best: DetectorEvaluation) -> Iterator[str]:
    at = best.at
    missed = at.frauds - at.found
    worth = ""
    if at.value is not None and at.value_found is not None and at.value:
        lost = money(at.value - at.value_found, evaluation.currency, evaluation.decimals)
        worth = f", worth {lost} ({percent(1 - at.value_detected)} of all fraud by value)"
    if at.frauds:
        yield f"It lets {percent(missed / at.frauds)} of the frauds through: {missed} of {at.frauds}{worth}."
    if at.alerts:
        wrong = percent(at.false_positives / at.alerts)
        each = "" if not at.found else f", {at.false_positives_per_fraud:.2f} for each fraud found"
        yield f"{wrong} of its alerts are wrong: {plural(at.false_positives, 'legitimate event')}{each}."
    else:
        yield "At this threshold it flags nothing at all."
    if at.cost and at.cost.saved < 0:
        loss = money(-at.cost.saved, evaluation.currency, evaluation.decimals)
        yield f"With the given costs its alerts cost {loss} more than they save."


def _groups(best: DetectorEvaluation) -> Iterator[str]:
    overall = best.at.recall
    named = [*best.segments.items(), *((("month", best.months),) if len(best.months) > 1 else ())]
    for field, groups in named:
        low = weakest(groups, overall)
        if low:
            listed = ", ".join(
                f"{group.name} ({percent(group.recall.value)} of {plural(group.at.frauds, 'fraud')})"
                for group in low[:_MOST_NAMED]
            )
            more = f" and {len(low) - _MOST_NAMED} more" if len(low) > _MOST_NAMED else ""
            yield (
                f"By {field} it finds clearly less than its {percent(overall)} among {listed}{more}: "
                "more than chance explains at 95 %."
            )


def _better_ones(evaluation: Evaluation) -> Iterator[str]:
    for other in evaluation.detectors:
        better = [
            f"{MEASURES[name]} +{figure(gain.value)} ({figure(gain.low)} to {figure(gain.high)})"
            for name in _COMPARED
            if (gain := other.differences.get(name)) and gain.has_interval and gain.low > 0
        ]
        if better:
            yield f"{other.name} ranks better than it by more than chance explains: {', '.join(better)}."


def _probabilities(best: DetectorEvaluation) -> Iterator[str]:
    held = best.calibration
    if held is None:
        yield "It gives a score without a calibrated probability: the score ranks, it is no chance of fraud."
        return
    wrong = [each for each in held.bins if not each.rate_low <= each.mean_probability <= each.rate_high]
    if wrong:
        worst = max(wrong, key=lambda each: each.rows * abs(each.mean_probability - each.fraud_rate))
        yield (
            f"Its probabilities are off in {len(wrong)} of {len(held.bins)} bins: where it says "
            f"{percent(worst.mean_probability)} on average, {percent(worst.fraud_rate)} were fraud "
            f"({worst.frauds} of {count(worst.rows)})."
        )


def _drift(best: DetectorEvaluation) -> Iterator[str]:
    before = best.validation
    if before is None or math.isnan(before.alerts_per_day) or math.isnan(best.at.alerts_per_day):
        return
    if not before.alerts_per_day or not best.at.alerts_per_day:
        return
    change = best.at.alerts_per_day / before.alerts_per_day
    if not 1 / _SHIFT <= change <= _SHIFT:
        yield (
            f"The same threshold gave {figure(before.alerts_per_day)} alerts a day on validation and "
            f"{figure(best.at.alerts_per_day)} on the test: the number of alerts moves with time."
        )


def _evidence(evaluation: Evaluation, best: DetectorEvaluation) -> Iterator[str]:
    if best.at.frauds < _FEW_FRAUDS:
        yield (
            f"The test holds {plural(best.at.frauds, 'fraud')} only: all figures about fraud are uncertain, "
            "as the intervals show."
        )
    if evaluation.split.scheme != "time":
        yield (
            "The data have no time: the test was drawn by chance, so nothing here tells how the model does "
            "on later events."
        )
    if evaluation.leakage:
        leaks = evaluation.leakage.to_drop("suspicious")
        used = [name for name in leaks if name in evaluation.features]
        if used:
            yield (
                f"It uses {', '.join(used)}, which the leakage check names: its figures hold in service only "
                "if those are known when the event arrives."
            )
