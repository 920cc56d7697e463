"""A table as the leakage check sees it: each column as numbers or as codes of its values, rows thinned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.errors import DataInvalid, Fault, show
from riskloom.measure.steps import Flags, Floats, Integers, check_column

MOST_HONEST = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One column: `values` as float64 (NaN where missing); of texts these are codes, with their `names`.

    `is_time` says that the values are microseconds UTC.
    """

    name: str
    values: Floats
    names: tuple[str, ...] = ()
    is_time: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the values are codes, whose order means nothing."""
        return bool(self.names)

    @property
    def missing(self) -> Flags:
        """Which rows lack it."""
        return np.asarray(np.isnan(self.values), np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The rows that are looked at: all frauds, and an even draw of the rest where they are very many.

    `weight` is how many legitimate rows each one stands for. `learns` marks the rows that a rule is made
    from; the others judge it: the later half where time is known, else a drawn half.
    """

    fields: tuple[Field, ...]
    fraud: Flags
    weight: float
    learns: Flags
    times_us: Integers | None
    known_at_us: Integers | None


def read_table(
    columns: Mapping[str, npt.NDArray[Any]],
    labels: npt.ArrayLike,
    *,
    times_us: npt.ArrayLike | None,
    known_at_us: npt.ArrayLike | None,
    seed: int,
) -> Table:
    """Check the columns, thin the rows and halve them.

    Raises
    ------
    DataInvalid
        For columns that do not fit, and with fewer than two frauds or two legitimate rows; all at once.
    """
    label = check_column("labels", labels)
    faults = [
        Fault(name, f"one value for each of {label.size} rows", f"shape {np.shape(values)}")
        for name, values in columns.items()
        if np.shape(values) != (label.size,)
    ]
    if not ((label == 0) | (label == 1)).all():
        faults.append(Fault("labels", "0 or 1 for each row", show(label)))
    fraud = np.asarray(label == 1, np.bool_)
    if not 2 <= np.count_nonzero(fraud) <= label.size - 2:
        faults.append(Fault("labels", "at least two frauds and two others", str(np.count_nonzero(fraud))))
    if faults:
        raise DataInvalid(faults)
    times = None if times_us is None else check_column("times_us", times_us, label.size).astype(np.int64)
    known = None if known_at_us is None else check_column("known_at_us", known_at_us, label.size)
    chance = np.random.default_rng(seed)
    rows, weight = _thin(fraud, chance)
    fields = tuple(_field(name, np.asarray(values)[rows]) for name, values in columns.items())
    return Table(
        fields,
        fraud[rows],
        weight,
        _halve(fraud[rows], None if times is None else times[rows], chance),
        None if times is None else times[rows],
        None if known is None else known[rows].astype(np.int64),
    )


def _thin(fraud: Flags, chance: np.random.Generator) -> tuple[Integers, float]:
    honest = np.flatnonzero(~fraud)
    if honest.size <= MOST_HONEST:
        return np.arange(fraud.size), 1.0
    kept = chance.choice(honest, MOST_HONEST, replace=False)
    return np.sort(np.concatenate([np.flatnonzero(fraud), kept])), honest.size / MOST_HONEST


def _halve(fraud: Flags, times: Integers | None, chance: np.random.Generator) -> Flags:
    """The first half in time, when both halves then have frauds and others; else half of each, drawn."""
    if times is not None:
        first = times < np.median(times[fraud])
        counts = [np.count_nonzero(half & kind) for half in (first, ~first) for kind in (fraud, ~fraud)]
        if min(counts) >= 1:
            return np.asarray(first, np.bool_)
    learns = np.zeros(fraud.size, np.bool_)
    for kind in (fraud, ~fraud):
        rows = chance.permutation(np.flatnonzero(kind))
        learns[rows[: rows.size // 2]] = True
    return learns


def _field(name: str, values: npt.NDArray[Any]) -> Field:
    """Numbers as they are; times as microseconds; all else as codes in order of appearance."""
    kind = values.dtype.kind
    if kind in "biuf":
        return Field(name, values.astype(np.float64))
    if kind == "M":
        missing = np.isnat(values)
        found = values.astype("datetime64[us]").astype(np.int64).astype(np.float64)
        return Field(name, np.where(missing, np.nan, found), is_time=True)
    codes: dict[str, int] = {}
    found = np.empty(values.size)
    for at, value in enumerate(values.tolist()):
        lacks = value is None or value == "" or value != value
        found[at] = np.nan if lacks else codes.setdefault(str(value), len(codes))
    return Field(name, found, tuple(codes) or ("",))
