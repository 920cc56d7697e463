"""Learns declared steps from training rows, column by column. The result is `prepare.Preparation`.

What is measured (means, medians, ranges) leaves out missing values, infinities and whatever lies beyond
float32: a value that large is no measurement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskloom.detectors.base import Floats
from riskloom.detectors.prepare_kernel import LOG, earlier_rates, link_column
from riskloom.detectors.prepare_spec import PreparationSpec, Step

Ints = npt.NDArray[np.int64]
Texts = Mapping[str, Mapping[int, str]]
NAN = float("nan")
LARGEST = float(np.finfo(np.float32).max)


@dataclass(slots=True)
class Column:
    """One output while it is learned: how it is made, and its values float64[n] in training.

    `given` are the values of the input it is made of.
    `entries` are the (values, what each becomes) of a table, the values rising; None for a chain of links.
    `missing` and `unseen` are what it becomes where the input is NaN and where the table lacks the value.
    """

    name: str
    origin: int
    given: Floats
    values: Floats
    category: bool = False
    flag: bool = False
    links: list[tuple[float, float]] = field(default_factory=list)
    entries: tuple[Floats, Floats] | None = None
    missing: float = NAN
    unseen: float = 0.0


@dataclass(frozen=True, slots=True)
class Lessons:
    """What target encoding learns from, and how codes are spelled."""

    labels: Floats | None
    known: Ints
    texts: Texts


def learn(
    spec: PreparationSpec, names: Sequence[str], categories: frozenset[str], X: Floats, lessons: Lessons
) -> list[Column]:
    """The outputs that the steps of a checked declaration make of the columns of X float64[n, F]."""
    columns = [
        Column(name, at, values, values, category=name in categories)
        for at, (name, values) in enumerate(zip(names, np.asfortranarray(X).T, strict=True))
    ]
    for step in spec.steps:
        chosen = {names.index(name) for name in step.columns}
        after: list[Column] = []
        for column in columns:
            named = column.origin in chosen if chosen else column.category == (step.kind == "encode")
            if not named or column.flag:
                after.append(column)
            elif step.kind == "encode":
                after += _encode(column, step, lessons)
            else:
                after += _impute(column, step) if step.kind == "impute" else _scale(column, step.method)
        columns = after
    return columns


def measured(values: Floats) -> Floats:
    """The values that count as measurements: no gaps, nothing beyond float32."""
    return values[np.abs(values) <= LARGEST]


def _mean(known: Floats) -> float:
    """The mean, never beyond the values by a rounding: that of a constant is the constant."""
    return float(np.clip(known.mean(), known.min(), known.max()))


def _impute(column: Column, step: Step) -> list[Column]:
    gaps = np.isnan(column.values)
    known = measured(column.values)
    if step.method == "constant":
        fill = float(step.parameters["value"])
    elif not known.size:
        fill = 0.0
    else:
        fill = _mean(known) if step.method == "mean" else float(np.median(known))
    made = [column]
    absent = np.isnan(column.given)
    if step.parameters["indicator"] and absent.any() and column.missing != column.missing:
        made.append(_flag(column, " is missing", absent, missing=1.0))
    if column.missing != column.missing:
        column.missing = fill
    if column.unseen != column.unseen:
        column.unseen = fill
    column.values = np.where(gaps, fill, column.values)
    return made


def _scale(column: Column, method: str) -> list[Column]:
    shift, scale = measures(measured(column.values), method)
    column.values = _linked(column.values, shift, scale)
    edges = _linked(np.array([column.missing, column.unseen]), shift, scale)
    column.missing = float(edges[0])
    if column.entries is None:
        column.links.append((shift, scale))
    else:
        column.entries = (column.entries[0], _linked(column.entries[1], shift, scale))
        column.unseen = float(edges[1])
    return [column]


def measures(known: Floats, method: str) -> tuple[float, float]:
    """(what is subtracted, what the rest is divided by); a column that does not vary is divided by 1."""
    if method == "log":
        return 0.0, LOG
    if not known.size:
        return 0.0, 1.0
    if method == "standard":
        shift = _mean(known)
        spread = float(np.sqrt(((known - shift) ** 2).mean()))
    elif method == "robust":
        low, shift, high = (float(value) for value in np.quantile(known, (0.25, 0.5, 0.75)))
        spread = high - low
    else:
        shift = float(known.min())
        spread = float(known.max()) - shift
    noise = 10 * np.finfo(np.float64).eps * float(np.abs(known).max())
    return shift, spread if spread > noise else 1.0


def _linked(values: Floats, shift: float, scale: float) -> Floats:
    out = np.empty_like(values)
    link_column(values, shift, scale, out)
    return out


def _flag(
    column: Column, said: str, true: npt.NDArray[np.bool_], *, code: float | None = None, missing: float = 0.0
) -> Column:
    """A column that is 1 where the input is `code` (or, with `missing`, where it is missing), else 0."""
    codes = np.array([] if code is None else [code], np.float64)
    return Column(
        f"{column.name}{said}",
        column.origin,
        column.given,
        true.astype(np.float64),
        flag=True,
        entries=(codes, np.ones_like(codes)),
        missing=missing,
    )


def _encode(column: Column, step: Step, lessons: Lessons) -> list[Column]:
    """The column with its values looked up, or a flag for each of them."""
    values = column.values + 0.0  # + 0.0: no negative zero
    gaps = np.isnan(values)
    codes, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    by_frequency = np.lexsort((codes, -counts))
    if step.method == "one_hot":
        chosen = codes[by_frequency[: int(step.parameters["most"])]]
        return _one_hot(column, chosen.tolist(), values, lessons.texts.get(column.name, {}))
    filled = column.missing
    column.category = False
    if step.method == "target":
        column.values = _learn_rates(column, codes, values, float(step.parameters["smoothing"]), lessons)
    else:
        if step.method == "ordinal":
            ranks = np.empty(codes.size)
            ranks[by_frequency] = np.arange(codes.size)
            column.entries, column.missing, column.unseen = (codes, ranks), NAN, NAN
        else:
            column.entries = (codes, counts / values.size)
            column.missing, column.unseen = float(gaps.mean()), 0.0
        column.values = _looked_up(column, values)
    if filled == filled:  # what an earlier step put into gaps is looked up like any value
        column.missing = float(_looked_up(column, np.array([filled]))[0])
    return [column]


def _one_hot(column: Column, codes: list[float], values: Floats, texts: Mapping[int, str]) -> list[Column]:
    gaps = np.isnan(values)
    made = [
        _flag(
            column,
            f"={_spell(code, texts)}",
            values == code,
            code=code,
            missing=float(column.missing == code),
        )
        for code in codes
    ]
    if gaps.any() or not made:
        made.append(_flag(column, " is missing", gaps, missing=1.0))
    return made


def _looked_up(column: Column, values: Floats) -> Floats:
    codes, becomes = column.entries if column.entries is not None else (np.empty(0), np.empty(0))
    place = np.searchsorted(codes, values)
    met = np.append(codes, np.nan)[place] == values
    found = np.where(met, np.append(becomes, np.nan)[place], column.unseen)
    return np.where(np.isnan(values), column.missing, found)


def _learn_rates(column: Column, codes: Floats, values: Floats, smoothing: float, lessons: Lessons) -> Floats:
    """Set the final table of fraud rates; return the rates of the training rows, each from earlier rows."""
    labels = lessons.labels if lessons.labels is not None else np.full(values.size, np.nan)
    place = np.searchsorted(codes, values)
    met = np.append(codes, np.nan)[place] == values
    size = codes.size + 2
    ids = np.where(met, place, np.where(np.isnan(values), size - 2, size - 1)).astype(np.int64)
    labels = np.where(ids == size - 1, np.nan, labels)  # an infinity is no value: it teaches nothing
    taught = ~np.isnan(labels)
    rows = np.bincount(ids[taught], minlength=size)
    frauds = np.bincount(ids[taught], labels[taught], minlength=size)
    prior = frauds.sum() / rows.sum() if taught.any() else 0.0
    rates = (frauds + smoothing * prior) / (rows + smoothing)
    column.entries = (codes, rates[:-2])
    column.missing, column.unseen = float(rates[-2]), float(rates[-1])
    within = np.empty(values.size)
    earlier_rates(ids, labels, lessons.known, size, smoothing, within)
    return within


def _spell(code: float, texts: Mapping[int, str]) -> str:
    whole = int(code) if code.is_integer() else None
    return f"{code!r}" if whole is None else texts.get(whole, str(whole))
