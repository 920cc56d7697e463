"""Rules of one or two fields that are almost always right: real fraud is seldom that obliging."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from riskloom.measure.steps import Flags, Floats
from riskloom.measure.threshold import sweep_thresholds
from riskloom.training.leakage.column import Field, Table
from riskloom.training.leakage.finding import Bounds, Finding, show_share

_VALUES = 5
_MOST_PAIRED = 80
_FEWEST_FRAUDS = 5
_HALF = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Rows that a sentence holds for, and how right it is where it was not learned."""

    fields: tuple[str, ...]
    says: str
    precision: float
    recall: float


def find_rules(table: Table, bounds: Bounds, keep: frozenset[str]) -> Iterator[Finding]:
    """The widest good rule for each set of fields.

    A rule is found on the learning half and must hold on the judging half, too. One that explains half of all
    frauds is suspicious; a smaller one is a notice.
    """
    best: dict[tuple[str, ...], Rule] = {}
    for fields, says, holds in _candidates(table, bounds):
        rule = _judge(table, bounds, fields, says, holds)
        if rule and (fields not in best or rule.recall > best[fields].recall):
            best[fields] = rule
    for fields, rule in best.items():
        drop = tuple(name for name in fields if name not in keep)[-1:]
        yield Finding(
            "rule",
            "suspicious" if rule.recall >= _HALF else "notice",
            fields,
            drop,
            rule.recall,
            f"{rule.says}: {show_share(rule.precision)} of these rows are fraud, "
            f"{show_share(rule.recall)} of all fraud.",
        )


def _judge(table: Table, bounds: Bounds, fields: tuple[str, ...], says: str, holds: Flags) -> Rule | None:
    """The rule with its precision and recall on the judging half, when it is good on both halves."""
    for half in (table.learns, ~table.learns):
        fraud = table.fraud & half
        found = int(np.count_nonzero(holds & fraud))
        wrong = table.weight * int(np.count_nonzero(holds & half & ~table.fraud))
        frauds = int(np.count_nonzero(fraud))
        share = frauds / (frauds + table.weight * int(np.count_nonzero(half & ~table.fraud)))
        if found < _FEWEST_FRAUDS:
            return None
        precision, recall = found / (found + wrong), found / frauds
        if precision < bounds.rule_precision or recall < bounds.rule_recall:
            return None
        if precision < bounds.rule_lift * share:
            return None
    return Rule(fields, says, precision, recall)


def _candidates(table: Table, bounds: Bounds) -> Iterator[tuple[tuple[str, ...], str, Flags]]:
    for field in table.fields:
        yield from _of_presence(field)
        yield from _of_value(table, field)
        if not field.is_text:
            yield from _of_limit(table, bounds, field)
    yield from _of_equals(table, bounds)


def _of_presence(field: Field) -> Iterator[tuple[tuple[str, ...], str, Flags]]:
    lacks = field.missing
    if lacks.any():
        yield (field.name,), f"{field.name} is missing", lacks
        yield (field.name,), f"{field.name} is there", ~lacks


def _of_value(table: Table, field: Field) -> Iterator[tuple[tuple[str, ...], str, Flags]]:
    """The values that the learning half's frauds have most often."""
    held = field.values[table.learns & table.fraud & ~field.missing]
    values, counts = np.unique(held, return_counts=True)
    for value in values[np.argsort(-counts, kind="stable")[:_VALUES]]:
        shown = repr(field.names[int(value)]) if field.is_text else f"{value:.10g}"
        yield (field.name,), f"{field.name} is {shown}", field.values == value


def _of_limit(table: Table, bounds: Bounds, field: Field) -> Iterator[tuple[tuple[str, ...], str, Flags]]:
    """The widest ranges from a limit up, and down, that are precise on the learning half: just so, and more
    so, as the widest of all is often a little too wide on the judging half."""
    known = table.learns & ~field.missing
    if not (known & table.fraud).any():
        return
    for sign, word in ((1.0, "at least"), (-1.0, "at most")):
        sweep = sweep_thresholds(table.fraud[known], sign * field.values[known])
        alerts = sweep.found + table.weight * (sweep.alerts - sweep.found)
        for precision in (bounds.rule_precision, (1 + bounds.rule_precision) / 2, 1.0):
            precise = np.flatnonzero(sweep.found >= precision * alerts)[1:]
            if precise.size:
                limit = sign * float(sweep.thresholds[precise[-1]])
                holds = np.asarray(sign * field.values >= sign * limit, np.bool_)
                yield (field.name,), f"{field.name} is {word} {limit:.10g}", holds


def _of_equals(table: Table, bounds: Bounds) -> Iterator[tuple[tuple[str, ...], str, Flags]]:
    """Pairs of numbers that are equal; looked for among frauds first, which are few."""
    numbers = [field for field in table.fields if not field.is_text and not field.is_time]
    numbers = [field for field in numbers if _varies(field.values[table.fraud])][:_MOST_PAIRED]
    learned = table.learns & table.fraud
    for first, second in combinations(numbers, 2):
        if same(first.values[learned], second.values[learned]).mean() >= bounds.rule_recall:
            holds = same(first.values, second.values)
            yield (first.name, second.name), f"{first.name} equals {second.name}", holds


def same(first: Floats, second: Floats) -> Flags:
    """Where two columns are equal but for the last digits of a float; missing equals nothing, nor does 0."""
    largest = np.maximum(np.abs(first), np.abs(second))
    return np.asarray((np.abs(first - second) <= 1e-9 * largest) & (largest > 0), np.bool_)


def _varies(values: Floats) -> bool:
    return np.unique(values[~np.isnan(values)]).size > 2
