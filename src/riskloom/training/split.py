"""Which rows a model learns from and which judge it: by time, with a gap for labels that come late.

Nothing here looks at features. A split says of each row whether it is in train, in validation, in the test or
in none of them, and describes itself for the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskloom.domain.duration import format_duration, parse_duration
from riskloom.domain.show import show_time
from riskloom.errors import DataInvalid, Fault, ParameterInvalid, show
from riskloom.measure.result import Result
from riskloom.measure.steps import check_column

Rows = npt.NDArray[np.int64]
Times = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Period(Result):
    """The event times from `start_us` on and before `end_us`, microseconds UTC."""

    start_us: int
    end_us: int

    def holds(self, times_us: Times) -> npt.NDArray[np.bool_]:
        """Which times lie in it."""
        return np.asarray((times_us >= self.start_us) & (times_us < self.end_us), np.bool_)

    def moved(self, by_us: int) -> Period:
        """The same length, later by so much."""
        return Period(self.start_us + by_us, self.end_us + by_us)


@dataclass(frozen=True, slots=True)
class TimeSplit(Result):
    """Train, validation (or none) and test, one after the other, at least `delay_us` apart.

    `delay_us` is how long after an event its label is known: at the start of each part the labels of the part
    before it are known, those of the gap are not.

    Raises
    ------
    ParameterInvalid
        When a part is empty, when they overlap, or when a gap is shorter than the delay.
    """

    train: Period
    validation: Period | None
    test: Period
    delay_us: int = 0

    def __post_init__(self) -> None:
        faults = []
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        before: tuple[str, Period] | None = None
        for name, period in parts.items():
            if period is None:
                continue
            if period.end_us <= period.start_us:
                expected = f"an end after its start {_moment(period.start_us)}"
                faults.append(Fault(name, expected, _moment(period.end_us)))
            if before and period.start_us < before[1].end_us + self.delay_us:
                earliest = _moment(before[1].end_us + self.delay_us)
                faults.append(
                    Fault(
                        name,
                        f"a start from {earliest} on, when the labels of {before[0]} are known",
                        _moment(period.start_us),
                    )
                )
            before = (name, period)
        if self.delay_us < 0:
            faults.append(Fault("delay", "a duration from 0", str(self.delay_us)))
        if faults:
            raise ParameterInvalid(faults)

    def moved(self, by_us: int) -> TimeSplit:
        """The whole scheme, later by so much."""
        validation = self.validation.moved(by_us) if self.validation else None
        return TimeSplit(self.train.moved(by_us), validation, self.test.moved(by_us), self.delay_us)

    def assign(self, times_us: npt.ArrayLike) -> Parts:
        """The rows of each part, in row order; times are integers, microseconds UTC.

        Raises
        ------
        DataInvalid
            When train, validation or test would be without a row; names all of them.
        """
        times = check_times(times_us)
        nothing = np.empty(0, np.int64)
        train, test = (_where(part.holds(times)) for part in (self.train, self.test))
        validation = _where(self.validation.holds(times)) if self.validation else nothing
        parts = Parts("time", train, validation, test, nothing, self)
        _check_filled(parts, wants_validation=self.validation is not None)
        return parts


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Row numbers, rising, of each part; `dropped` were taken out of the test by `known.drop_known`.

    `scheme` is "time" or "stratified"; a stratified split has no `periods`, and says nothing about how a
    model ages.
    """

    scheme: str
    train: Rows
    validation: Rows
    test: Rows
    dropped: Rows
    periods: TimeSplit | None

    def named(self) -> dict[str, Rows]:
        """The parts that have rows, by name."""
        every = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: rows for name, rows in every.items() if rows.size}


def split_by_durations(
    start_us: int,
    *,
    train: str | int,
    test: str | int,
    validation: str | int = 0,
    delay: str | int = 0,
) -> TimeSplit:
    """Parts of given lengths from `start_us` on, with a gap of `delay` before validation and before the test.

    Durations are texts (`7d`) or microseconds.

    >>> week = split_by_durations(0, train="7d", delay="7d", test="7d")
    >>> week.test.start_us == 2 * week.train.end_us
    True
    """
    lengths = {
        name: _duration(name, value)
        for name, value in {"train": train, "validation": validation, "test": test, "delay": delay}.items()
    }
    gap, at = lengths["delay"], start_us
    periods = {}
    for name in ("train", "validation", "test"):
        if name == "validation" and not lengths[name]:
            continue
        periods[name] = Period(at, at + lengths[name])
        at = periods[name].end_us + gap
    return TimeSplit(periods["train"], periods.get("validation"), periods["test"], gap)


def split_by_shares(
    times_us: npt.ArrayLike, shares: Sequence[float] = (0.6, 0.2, 0.2), *, delay: str | int = 0
) -> TimeSplit:
    """Parts that hold about these shares of the rows in order of time, before the gaps are cut out.

    Parameters
    ----------
    times_us
        n integers, microseconds UTC, in any order.
    shares
        Of train and test, or of train, validation and test; they add up to 1.
    delay
        How long after an event its label is known. The last `delay` of each part before another is left out
        (the test keeps its size).

    Raises
    ------
    ParameterInvalid, DataInvalid
        For shares that do not add up; when a part would be without a row.

    Notes
    -----
    Rows of the same time are never parted: the boundary is the time of the first row of the later part.
    """
    times = np.sort(check_times(times_us))
    gap = _duration("delay", delay)
    counts = _counts(times.size, shares)
    cuts = [int(times[at]) for at in np.cumsum(counts)[:-1]]
    starts, ends = [int(times[0]), *cuts], [*(cut - gap for cut in cuts), int(times[-1]) + 1]
    names = ("train", "test") if len(counts) == 2 else ("train", "validation", "test")
    short = [
        Fault(name, f"a part longer than the delay {format_duration(gap)}", _moment(start))
        for name, start, end in zip(names, starts, ends, strict=True)
        if end <= start
    ]
    if short:
        raise DataInvalid(short)
    periods = [Period(start, end) for start, end in zip(starts, ends, strict=True)]
    return TimeSplit(periods[0], periods[1] if len(periods) == 3 else None, periods[-1], gap)


def split_prequential(
    first: TimeSplit, folds: int = 4, *, step: str | int | None = None
) -> tuple[TimeSplit, ...]:
    """`first` and its successors, each later by `step` (the length of the test when not given).

    References
    ----------
    Y.-A. Le Borgne, W. Siblini, B. Lebichot, G. Bontempi, "Reproducible Machine Learning for Credit Card
    Fraud Detection - Practical Handbook", Université Libre de Bruxelles, 2022, chapter 5.3.

    >>> week = split_by_durations(0, train="7d", delay="7d", test="7d")
    >>> [fold.test.start_us // 86_400_000_000 for fold in split_prequential(week, 3)]
    [14, 21, 28]
    """
    if isinstance(folds, bool) or not isinstance(folds, int) or folds < 1:
        raise ParameterInvalid(Fault("folds", "an integer from 1", show(folds)))
    length = first.test.end_us - first.test.start_us
    by = length if step is None else _duration("step", step)
    if not by:
        raise ParameterInvalid(Fault("step", "a duration above 0", show(step)))
    return tuple(first.moved(by * fold) for fold in range(folds))


def split_stratified(labels: npt.ArrayLike, shares: Sequence[float] = (0.6, 0.2, 0.2), *, seed: int) -> Parts:
    """Parts drawn by chance with the same share of frauds in each: for data without time, and only for it.

    The same labels, shares and seed give the same parts. Each class is cut at its own rounded counts.

    Raises
    ------
    ParameterInvalid, DataInvalid
        For shares that do not add up; when train or test would lack frauds or legitimate rows.
    """
    label = check_column("labels", labels)
    if not np.isin(label, (0, 1)).all():
        raise DataInvalid(Fault("labels", "0 or 1 for each row", show(label)))
    chance = np.random.default_rng(seed)
    drawn: list[list[Rows]] = [[] for _ in shares]
    faults = []
    for value, word in ((0, "legitimate rows"), (1, "frauds")):
        rows = np.flatnonzero(label == value)
        if rows.size < len(shares):
            faults.append(Fault("labels", f"at least {len(shares)} {word}", str(rows.size)))
            continue
        ends = np.cumsum(_counts(rows.size, shares))[:-1]
        for part, some in zip(drawn, np.split(chance.permutation(rows), ends), strict=True):
            part.append(some)
    if faults:
        raise DataInvalid(faults)
    parts = [np.sort(np.concatenate(some)).astype(np.int64) for some in drawn]
    nothing = np.empty(0, np.int64)
    return Parts("stratified", parts[0], parts[1] if len(parts) == 3 else nothing, parts[-1], nothing, None)


def check_times(times_us: npt.ArrayLike, size: int | None = None) -> Times:
    times = check_column("times_us", times_us, size)
    if times.dtype.kind not in "iu":
        raise DataInvalid(Fault("times_us", "integers, microseconds UTC", str(times.dtype)))
    return times.astype(np.int64)


def _duration(name: str, value: str | int) -> int:
    """Microseconds of a text or of themselves."""
    try:
        found = parse_duration(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ParameterInvalid(Fault(name, "a duration such as 7d", show(value))) from error
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise ParameterInvalid(Fault(name, "a duration from 0", show(value)))
    return found


def _counts(rows: int, shares: Sequence[float]) -> list[int]:
    """How many of the rows each share gets: at least one, by the largest remainders."""
    numbers = [share for share in shares if isinstance(share, int | float) and share > 0]
    if len(shares) not in (2, 3) or len(numbers) != len(shares) or abs(sum(numbers) - 1) > 1e-9:
        raise ParameterInvalid(Fault("shares", "two or three numbers above 0 that add up to 1", show(shares)))
    if rows < len(shares):
        raise DataInvalid(Fault("data", f"at least {len(shares)} rows", str(rows)))
    exact = np.array(numbers) * rows
    counts = np.maximum(np.floor(exact), 1).astype(np.int64)
    for at in np.argsort(np.floor(exact) - exact, kind="stable"):
        if counts.sum() < rows:
            counts[at] += 1
    counts[counts.argmax()] -= counts.sum() - rows
    return [int(count) for count in counts]


def _where(inside: npt.NDArray[np.bool_]) -> Rows:
    return np.flatnonzero(inside).astype(np.int64)


def _check_filled(parts: Parts, wants_validation: bool) -> None:
    wanted = {"train": parts.train, "test": parts.test}
    if wants_validation:
        wanted["validation"] = parts.validation
    empty = [Fault(name, "rows in its period", "none") for name, rows in wanted.items() if not rows.size]
    if empty:
        raise DataInvalid(empty)


def _moment(time_us: int) -> str:
    """A time as people read it, or its number where the calendar has no such time."""
    try:
        return show_time(time_us)
    except (OverflowError, ValueError):
        return str(time_us)
