"""`Column`: what the first rows of a file show of one column, in numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

from riskloom.training.guess.names import BLANKS

Kind = Literal["text", "number", "boolean", "time", "other"]
Stored = Literal["cell", "text", "integer", "float", "boolean", "time"]
"""How the file holds a value: a `cell` (CSV) is text that any field may read, the others have their type."""
Numbers = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

TRIED = 500
"""Values that are tried before all of them are."""
DIGITS_SEEN = 5_000
MOST_DECIMALS = 12
EXACT = 2**53
"""Whole numbers from here on cannot all be told apart as floats."""
FEWEST_GOOD = 0.5
"""The least share of numbers in a column of numbers where the rest says that nothing is known."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LEADING_ZERO = re.compile(r"[+-]?0\d", re.ASCII)
_TRUTH = {"true": 1.0, "false": 0.0}
_FORMATS = (
    "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the rows that were looked at.

    `codes` tells the values apart, the most frequent as 0, missing as -1; `shown` are the values in that
    order as text. `numbers` are float64 with NaN where missing: times in microseconds, truth as 1 and 0.
    """

    name: str
    kind: Kind
    codes: Codes
    shown: tuple[str, ...]
    stored: Stored = "cell"
    numbers: Numbers | None = None
    whole: bool = False
    """For numbers: none of them was written with a point."""
    decimals: int = 0
    """For numbers: digits behind the point, at most 12."""
    zoned: bool = False
    """For times: each said its zone."""
    blanks: Mapping[str, int] = field(default_factory=dict)
    """Texts that stand where a value is missing, and how often."""
    time_format: str = ""
    """For text: how the times in it are written, when they are not ISO 8601."""
    gaps: bool = False
    """Whether values are missing, in the rows looked at or known from elsewhere in the file."""

    @property
    def rows(self) -> int:
        """How many rows were looked at."""
        return len(self.codes)

    @property
    def missing(self) -> int:
        """How many of them have no value."""
        return int((self.codes < 0).sum())

    @property
    def present(self) -> int:
        """How many of them have one."""
        return self.rows - self.missing

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        return len(self.shown)

    @property
    def known(self) -> Numbers:
        """The numbers that are there."""
        numbers = np.empty(0) if self.numbers is None else self.numbers
        return numbers[np.isfinite(numbers)]

    @property
    def can_be_text(self) -> bool:
        """Whether a field of text can read it."""
        return self.stored in ("cell", "text", "integer")

    @property
    def never_falls(self) -> bool:
        """Whether the numbers rise or stay from row to row, and do rise."""
        known = self.known
        return len(known) > 1 and bool((np.diff(known) >= 0).all()) and known[-1] > known[0]

    def share_of(self, code: int) -> float:
        """Which part of the present values is this one."""
        return float((self.codes == code).sum() / max(self.present, 1))


def text_column(
    name: str, cells: Sequence[str | None], *, stored: Stored = "cell", gaps: bool = False
) -> Column:
    """A column of text, as numbers, truth or times where every cell can be read so.

    What a typed file stores as text stays text, but for times: numbers in it are no numbers.
    """
    empty = sum(cell == "" for cell in cells)
    blanks = {"": empty} if empty else {}
    cells = [cell or None for cell in cells]
    given = [cell for cell in cells if cell is not None]
    gaps = gaps or len(given) < len(cells)
    if stored == "cell" and (found := _as_numbers(name, cells, given, gaps)) is not None:
        return found
    if stored == "cell" and given and all(cell.lower() in _TRUTH for cell in given):
        return boolean_column(name, [None if cell is None else cell.lower() == "true" for cell in cells])
    if (times := _as_times(cells, given)) is not None:
        return replace(time_column(name, times[0], zoned=times[1], stored=stored, gaps=gaps), blanks=blanks)
    codes, shown = _tell_apart(cells)
    form = _time_format(shown)
    return Column(name, "text", codes, shown, stored=stored, time_format=form, blanks=blanks, gaps=gaps)


def number_column(
    name: str,
    numbers: Numbers,
    *,
    whole: bool,
    stored: Stored = "cell",
    blanks: Mapping[str, int] | None = None,
    gaps: bool = False,
    shown: Sequence[str | None] | None = None,
) -> Column:
    """A column of numbers, NaN where missing; `shown` are the texts of whole numbers beyond 2**53."""
    codes, values = _tell_numbers_apart(numbers)
    seen = [float(value) for value in values[:DIGITS_SEEN]]
    texts = tuple(f"{value:.0f}" if value.is_integer() else repr(value) for value in map(float, values))
    if shown is not None:
        codes, texts = _tell_apart(shown)
    return Column(
        name,
        "number",
        codes,
        texts,
        stored=stored,
        numbers=numbers,
        whole=whole,
        decimals=0 if whole else max((decimals_of(value) for value in seen), default=0),
        blanks=dict(blanks or {}),
        gaps=gaps or bool(np.isnan(numbers).any()),
    )


def boolean_column(
    name: str, values: Sequence[bool | None], *, stored: Stored = "cell", gaps: bool = False
) -> Column:
    """A column of true and false."""
    codes, shown = _tell_apart([None if value is None else str(value).lower() for value in values])
    numbers = np.array([np.nan if value is None else float(value) for value in values])
    gaps = gaps or bool(np.isnan(numbers).any())
    return Column(name, "boolean", codes, shown, stored=stored, numbers=numbers, whole=True, gaps=gaps)


def time_column(
    name: str, micros: Numbers, *, zoned: bool, stored: Stored = "cell", gaps: bool = False
) -> Column:
    """A column of times: microseconds since 1970, NaN where missing."""
    codes, values = _tell_numbers_apart(micros)
    shown = tuple(str(int(value)) for value in values)
    gaps = gaps or bool(np.isnan(micros).any())
    return Column(
        name, "time", codes, shown, stored=stored, numbers=micros, whole=True, zoned=zoned, gaps=gaps
    )


def other_column(name: str, rows: int) -> Column:
    """A column that no field can hold: lists, structures."""
    return Column(name, "other", np.full(rows, -1, np.int64), ())


def decimals_of(value: float) -> int:
    """Digits behind the point of the shortest text of a number, at most 12.

    >>> decimals_of(12.5), decimals_of(1e-7), decimals_of(3.0)
    (1, 7, 0)
    """
    mantissa, _, power = repr(value).partition("e")
    digits = len(mantissa.partition(".")[2].rstrip("0"))
    return min(max(digits - int(power or 0), 0), MOST_DECIMALS)


def _as_numbers(name: str, cells: Sequence[str | None], given: Sequence[str], gaps: bool) -> Column | None:
    """The cells as numbers, where all are but those that say that nothing is known."""
    blanks = Counter(cell.strip() for cell in given if cell.strip().lower() in BLANKS)
    good = [cell.strip() for cell in given if cell.strip().lower() not in BLANKS]
    if not good or len(good) < FEWEST_GOOD * len(given):
        return None
    for part in (good[:TRIED], good):
        if not all(_NUMBER.fullmatch(cell) for cell in part):
            return None
    if any(_LEADING_ZERO.match(cell) for cell in good):
        return None  # 01234 is a code: as a number it would lose its zero
    numbers = np.array([_number(cell) for cell in cells])
    whole = not any("." in cell or "e" in cell or "E" in cell for cell in good)
    shown = [
        None if not np.isfinite(n) else str(cell).strip() for n, cell in zip(numbers, cells, strict=True)
    ]
    large = whole and float(np.nanmax(np.abs(numbers))) >= EXACT
    return number_column(name, numbers, whole=whole, blanks=blanks, gaps=gaps, shown=shown if large else None)


def _number(cell: str | None) -> float:
    return np.nan if cell is None or cell.strip().lower() in BLANKS else float(cell)


def _as_times(cells: Sequence[str | None], given: Sequence[str]) -> tuple[Numbers, bool] | None:
    """Microseconds of ISO 8601 times, and whether each said its zone."""
    if not given:
        return None
    zoned = True
    try:
        for cell in given[:TRIED]:
            _moment(cell)
        moments = [None if cell is None else _moment(cell) for cell in cells]
    except ValueError:
        return None
    zoned = all(when.tzinfo is not None for when in moments if when is not None)
    micros = [
        np.nan if when is None else (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1e6
        for when in moments
    ]
    return np.round(np.array(micros)), zoned


def _moment(cell: str) -> datetime:
    if "-" not in cell[4:8]:
        raise ValueError("a number, or words")
    return datetime.fromisoformat(cell)


def _time_format(shown: Sequence[str]) -> str:
    """How times are written, when it is one of the usual ways; of two that fit, the one with the month first.

    Every date counts: the first days of a file fit more than one way.
    """
    if not shown or not any(sign in shown[0] for sign in "/."):
        return ""
    dates = {text.split(" ", 1)[0] for text in shown}
    return next(
        (
            form
            for form in _FORMATS
            if all(_fits(text, form) for text in shown[:TRIED])
            and all(_fits(date, form.split(" ", 1)[0]) for date in dates)
        ),
        "",
    )


def _fits(cell: str, form: str) -> bool:
    try:
        datetime.strptime(cell, form).replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def _tell_apart(values: Sequence[str | None]) -> tuple[Codes, tuple[str, ...]]:
    counts = Counter(value for value in values if value is not None)
    shown = tuple(sorted(counts, key=lambda value: (-counts[value], value)))
    code = {value: at for at, value in enumerate(shown)}
    return np.array([-1 if value is None else code[value] for value in values], np.int64), shown


def _tell_numbers_apart(numbers: Numbers) -> tuple[Codes, Numbers]:
    known = np.isfinite(numbers)
    values, inverse, counts = np.unique(numbers[known], return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    codes = np.full(len(numbers), -1, np.int64)
    codes[known] = rank[inverse]
    return codes, values[order]
