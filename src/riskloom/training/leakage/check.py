"""Looks for the answer in the data, and measures the model without it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from riskloom.training.leakage.alone import find_alone
from riskloom.training.leakage.column import read_table
from riskloom.training.leakage.finding import SEVERITIES, Bounds, Finding, LeakageReport, ScoreWithout
from riskloom.training.leakage.moments import find_moments
from riskloom.training.leakage.names import find_names
from riskloom.training.leakage.rules import find_rules

FitAndScore = Callable[[tuple[str, ...]], Mapping[str, float]]
"""Given the fields to leave out: train without them (and without what is made of them), return measures."""

Progress = Callable[[int, int], None]
EVERYTHING = "everything"


def check_leakage(
    columns: Mapping[str, npt.NDArray[Any]],
    labels: npt.ArrayLike,
    *,
    times_us: npt.ArrayLike | None = None,
    known_at_us: npt.ArrayLike | None = None,
    trusted: Collection[str] = (),
    keep: Collection[str] = (),
    bounds: Bounds | None = None,
    seed: int = 0,
    fit_and_score: FitAndScore | None = None,
    progress: Progress = lambda _done, _total: None,
) -> LeakageReport:
    """Name fields that are known only after the event or are suspiciously perfect.

    Parameters
    ----------
    columns
        By name, n values each: numbers and truths (NaN is missing), datetime64, or texts (None, "" are
        missing). Give it the event's own fields rather than windows over them; never the label itself.
    labels
        n values, 1 (or True) for fraud and 0 for the rest.
    times_us, known_at_us
        n integers, microseconds UTC: the time of each event, and when its label was known.
    trusted
        Fields known at the event for certain (a label-aware feature with its delay): neither their names nor
        their times are held against them; rules and strength still are.
    keep
        Fields that no model of this kind can do without (the amount); they are named, never left out.
    fit_and_score
        When given: called with nothing left out, then without each named field, then without all that are
        leaks, then without all that are leaks or suspicious.
    progress
        Called as (done, total) with the number of fits.

    Raises
    ------
    DataInvalid
        For columns that do not fit each other, and where there are fewer than two frauds.

    Notes
    -----
    Rules are made on one half of the rows (the earlier one where times are given) and judged on the other.
    Beyond 200,000 legitimate rows an even draw of them is looked at, seeded. A plain list of findings, no
    proof: somebody who knows where a field comes from decides.
    """
    limits = bounds or Bounds()
    table = read_table(columns, labels, times_us=times_us, known_at_us=known_at_us, seed=seed)
    held, kept = frozenset(trusted), frozenset(keep)
    findings = [
        *find_names(table, limits, held),
        *find_moments(table, held),
        *find_alone(table, limits),
        *find_rules(table, limits, kept),
    ]
    ordered = _order(_weigh(findings), kept)
    frauds = int(table.fraud.sum())
    rows = round((table.fraud.size - frauds) * table.weight) + frauds
    report = LeakageReport(rows, frauds, tuple(columns), ordered)
    if fit_and_score is None:
        return report
    return LeakageReport(
        rows, frauds, tuple(columns), ordered, measure_without(report, fit_and_score, progress)
    )


def measure_without(
    report: LeakageReport, fit_and_score: FitAndScore, progress: Progress = lambda _done, _total: None
) -> tuple[ScoreWithout, ...]:
    """The measures with everything, without each named field, and without all of them."""
    leaks, suspects = report.to_drop("leak"), report.to_drop("suspicious")
    plans: dict[tuple[str, ...], str] = {(): EVERYTHING}
    for name in suspects:
        plans.setdefault((name,), f"without {name}")
    plans.setdefault(leaks, "without what is known only later")
    plans.setdefault(suspects, "without all that is suspicious")
    found = []
    for done, (dropped, name) in enumerate(plans.items()):
        progress(done, len(plans))
        found.append(ScoreWithout(name, dropped, dict(fit_and_score(dropped))))
    progress(len(plans), len(plans))
    return tuple(found)


def _weigh(findings: Sequence[Finding]) -> list[Finding]:
    """Findings about the same field seen together.

    One that a rule explains is not named again for ranking well alone; one that is named after what comes
    later, and is too good to be true, too, is a leak.
    """
    perfect = {one.fields for one in findings if one.severity == "suspicious" and len(one.fields) == 1}
    ruled = {one.fields for one in findings if one.kind == "rule" and one.severity == "suspicious"}
    return [
        replace(one, severity="leak") if one.kind == "name" and one.fields in perfect else one
        for one in findings
        if one.kind != "alone" or one.fields not in ruled
    ]


def _order(findings: Sequence[Finding], keep: frozenset[str]) -> tuple[Finding, ...]:
    """The gravest first, then by value; what must be kept is not left out."""
    mild = [replace(one, drop=tuple(name for name in one.drop if name not in keep)) for one in findings]
    return tuple(sorted(mild, key=lambda one: (SEVERITIES.index(one.severity), -one.value, one.fields)))
