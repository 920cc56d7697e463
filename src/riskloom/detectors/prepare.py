"""Preparation: gaps filled, numbers scaled, categories made numbers, as declared and as training showed.

Fitted on training rows only, kept in the bundle, applied to one row and to many by the same compiled loop.
What is declared is in `prepare_spec`, how it is learned in `prepare_fit`.

Category columns hold codes: whole numbers below 2**52 that stand for texts, never compared but for equality.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from riskloom.detectors.base import Arrays, Floats, check_training_matrix, read_arrays
from riskloom.detectors.prepare_fit import Column, Lessons, learn
from riskloom.detectors.prepare_kernel import CHAIN, LOG, TABLE, prepare_one, prepare_rows
from riskloom.detectors.prepare_spec import PreparationSpec
from riskloom.errors import BundleInvalid, DataInvalid, Fault, ParameterInvalid, show

MOST_COLUMNS = 32_767

_FIELDS: dict[str, type[np.generic]] = {
    "width": np.int64,
    "origin": np.int64,
    "form": np.uint8,
    "category": np.uint8,
    "start": np.int64,
    "left": np.float64,
    "right": np.float64,
    "missing": np.float64,
    "unseen": np.float64,
    "name": np.uint8,
    "name_start": np.int64,
}


@dataclass(frozen=True, slots=True, eq=False)
class Preparation:
    """Fitted steps as one pass: each of G outputs is made of one of F inputs.

    Parameters
    ----------
    width
        F, how many inputs there are.
    names
        The G names of the outputs: the input's own; `kind=food` for the flag of one value; `amount is
        missing` for the flag of a gap.
    origin
        int64[G]: the input each output is made of.
    form
        uint8[G]: 0 for a chain of links, 1 for a table.
    category
        uint8[G]: 1 where the output is still the code of a category.
    start
        int64[G + 1]: where the pairs of each output begin, and K.
    left, right
        float64[K]: the pairs. In a chain (what is subtracted, what the rest is divided by), 0 for the second
        being the signed logarithm; in a table (a value, what it becomes), the values rising.
    missing
        float64[G]: what the output is where the input is NaN; NaN for what no step fills.
    unseen
        float64[G]: what it is where the table lacks the value.

    Raises
    ------
    BundleInvalid
        When the arrays do not fit together.
    """

    width: int
    names: tuple[str, ...]
    origin: npt.NDArray[np.int64]
    form: npt.NDArray[np.uint8]
    category: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int64]
    left: Floats
    right: Floats
    missing: Floats
    unseen: Floats
    identity: bool = field(init=False)
    _program: tuple[Any, ...] = field(init=False, repr=False)
    _shape: tuple[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check(self)
        plan = np.column_stack((self.origin, self.form.astype(np.int64), self.start[:-1], self.start[1:]))
        edge = np.column_stack((self.missing, self.unseen))
        pair = np.column_stack((self.left, self.right))
        object.__setattr__(self, "_program", tuple(map(np.ascontiguousarray, (plan, edge, pair))))
        object.__setattr__(self, "_shape", (self.width,))
        object.__setattr__(self, "identity", _is_identity(self))
        for name in ("origin", "form", "category", "start", "left", "right", "missing", "unseen"):
            getattr(self, name).setflags(write=False)

    @classmethod
    def fit(
        cls,
        spec: PreparationSpec,
        names: Sequence[str],
        category_names: Iterable[str],
        X: Floats,
        labels: Floats | None = None,
        *,
        known: npt.NDArray[np.int64] | None = None,
        texts: Mapping[str, Mapping[int, str]] | None = None,
    ) -> Self:
        """Learn the steps from training rows; see `fit_and_apply`, which gives the prepared rows as well."""
        return cls.fit_and_apply(spec, names, category_names, X, labels, known=known, texts=texts)[0]

    @classmethod
    def fit_and_apply(
        cls,
        spec: PreparationSpec,
        names: Sequence[str],
        category_names: Iterable[str],
        X: Floats,
        labels: Floats | None = None,
        *,
        known: npt.NDArray[np.int64] | None = None,
        texts: Mapping[str, Mapping[int, str]] | None = None,
    ) -> tuple[Self, Floats]:
        """Learn the steps from training rows, and prepare these rows for training.

        The rows are those of `apply_many`, but for target encoding: in training each row has the fraud rate
        of its value among the rows known before it, as it would have had on the day, never its own label.

        Parameters
        ----------
        names, category_names
            The F inputs, and which of them hold codes of categories.
        X
            float64[n, F] in order of time, NaN for missing.
        labels
            float64[n] of 0, 1 and NaN (unknown); only target encoding needs them.
        known
            int64[n], never falling: the labels of how many rows, from the first, were known when each row
            came. Without it all rows before.
        texts
            What codes stand for, by column, for the names of `one_hot`; a code without text is its number.

        Raises
        ------
        ParameterInvalid
            With every column of the declaration that there is not, or that is not ready for its step.
        DataInvalid
            When rows, names, labels and `known` do not fit together.
        """
        check_training_matrix(X, most_features=MOST_COLUMNS)
        rows = np.asarray(X, np.float64)
        categories = frozenset(category_names)
        _check_given(spec, names, categories, rows)
        lessons = _lessons(spec, labels, known, texts or {}, len(rows))
        columns = learn(spec, tuple(names), categories, rows, lessons)
        fitted = cls(width=rows.shape[1], **_program(columns))
        if fitted.identity:
            return fitted, rows
        return fitted, np.column_stack([column.values for column in columns])

    def apply_one(self, x: Floats) -> Floats:
        """One row float64[F] prepared: float64[G]. Without any step it is `x` itself, unseen.

        Raises
        ------
        DataInvalid
            When the row has another shape.
        """
        if self.identity:
            return x
        row = np.array(x, np.float64)
        if row.shape != self._shape:
            raise DataInvalid(Fault("x", f"a vector of {self.width} features", f"shape {row.shape}"))
        out = np.empty(len(self.names))
        prepare_one(row, *self._program, out)
        return out

    def apply_many(self, X: Floats) -> Floats:
        """Rows float64[n, F] prepared: float64[n, G], bit for bit those of `apply_one`; the GIL is released.

        Raises
        ------
        DataInvalid
            When the rows have another width.
        """
        if self.identity:
            return X
        rows = np.require(X, np.float64, ["C", "W"])
        if rows.ndim != 2 or rows.shape[1] != self.width:
            raise DataInvalid(Fault("X", f"rows of {self.width} features", f"shape {rows.shape}"))
        out = np.empty((rows.shape[0], len(self.names)))
        prepare_rows(rows, *self._program, out)
        return out

    @property
    def category_names(self) -> tuple[str, ...]:
        """The outputs that are still codes of categories, for detectors that take them as they are."""
        return tuple(name for name, is_code in zip(self.names, self.category, strict=True) if is_code)

    def fold(self, parts: Floats) -> Floats:
        """What each input float64[F] contributed, from the parts float64[G] of the outputs; the sum stays."""
        return np.asarray(np.bincount(self.origin, parts, minlength=self.width), np.float64)

    def arrays(self) -> Arrays:
        """The preparation as plain arrays, for a bundle."""
        spelled = [name.encode("utf-8", "replace") for name in self.names]
        own: Arrays = {
            "width": np.array([self.width], np.int64),
            "name": np.frombuffer(b"".join(spelled), np.uint8),
            "name_start": np.cumsum([0, *map(len, spelled)], dtype=np.int64),
        }
        return {name: getattr(self, name) for name in _FIELDS if name not in own} | own

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The preparation back from `arrays()`.

        Raises
        ------
        BundleInvalid
            When they are not the arrays of one; nothing hostile passes.
        """
        read = read_arrays(arrays, _FIELDS, "preparation")
        width = read.pop("width")
        if width.size != 1:
            raise BundleInvalid("preparation: expected one width.")
        names = _read_names(read.pop("name"), read.pop("name_start"))
        return cls(width=int(width[0]), names=names, **read)


def no_preparation(names: Sequence[str], category_names: Iterable[str] = ()) -> Preparation:
    """The preparation that leaves everything as it is, for bundles and detectors that declare none."""
    categories = frozenset(category_names)
    columns = [
        Column(name, at, np.empty(0), np.empty(0), category=name in categories)
        for at, name in enumerate(names)
    ]
    return Preparation(width=len(columns), **_program(columns))


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile the loops or load them from numba's cache; says so first, since cold takes seconds."""
    if progress:
        progress("compiling the preparation of features")
    spec = PreparationSpec.read([{"scale": "standard"}])
    fitted = Preparation.fit(spec, ["x"], [], np.zeros((1, 1)))
    fitted.apply_one(np.zeros(1))
    fitted.apply_many(np.zeros((1, 1)))


def _check_given(spec: PreparationSpec, names: Sequence[str], categories: frozenset[str], X: Floats) -> None:
    if len(names) != X.shape[1] or len(set(names)) != len(names):
        came = f"{len(names)} names for {X.shape[1]} columns"
        raise DataInvalid(Fault("names", "one name for each column of X, each once", came))
    if strangers := sorted(categories.difference(names)):
        raise DataInvalid(Fault("category_names", "names of columns", show(strangers)))
    if faults := spec.check(names, categories):
        raise ParameterInvalid(faults)


def _lessons(
    spec: PreparationSpec, labels: object, known: object, texts: Mapping[str, Mapping[int, str]], rows: int
) -> Lessons:
    """What target encoding learns from, checked; without it nothing is looked at."""
    before = np.arange(rows, dtype=np.int64)
    if not spec.needs_labels:
        return Lessons(None, before, texts)
    given = np.asarray(labels, np.float64) if isinstance(labels, np.ndarray) else np.empty(0)
    faults = []
    if given.shape != (rows,) or not (np.isnan(given) | np.isin(given, (0.0, 1.0))).all():
        came = f"shape {given.shape}" if isinstance(labels, np.ndarray) else show(labels)
        faults.append(Fault("labels", f"{rows} labels for the target encoding, each 0, 1 or NaN", came))
    if known is not None:
        counts = known if isinstance(known, np.ndarray) and known.dtype == np.int64 else np.empty(0, np.int64)
        if (
            counts.shape != (rows,)
            or (counts < 0).any()
            or (counts > before).any()
            or (np.diff(counts) < 0).any()
        ):
            expected = f"{rows} counts int64 of rows known before, never falling, none beyond its own row"
            faults.append(Fault("known", expected, show(known)))
        before = counts
    if faults:
        raise DataInvalid(faults)
    return Lessons(given, before, texts)


def _program(columns: Sequence[Column]) -> dict[str, Any]:
    """The fields of a `Preparation` of learned columns."""
    pairs = [_pairs(column) for column in columns]
    return {
        "names": tuple(column.name for column in columns),
        "origin": np.array([column.origin for column in columns], np.int64),
        "form": np.array([TABLE if column.entries else CHAIN for column in columns], np.uint8),
        "category": np.array([column.category for column in columns], np.uint8),
        "start": np.cumsum([0, *(left.size for left, _ in pairs)], dtype=np.int64),
        "left": np.concatenate([left for left, _ in pairs] or [np.empty(0)]),
        "right": np.concatenate([right for _, right in pairs] or [np.empty(0)]),
        "missing": np.array([column.missing for column in columns], np.float64),
        "unseen": np.array([column.unseen for column in columns], np.float64),
    }


def _pairs(column: Column) -> tuple[Floats, Floats]:
    if column.entries is not None:
        return column.entries
    links = np.array(column.links, np.float64).reshape(-1, 2)
    return links[:, 0], links[:, 1]


def _is_identity(fitted: Preparation) -> bool:
    own = np.array_equal(fitted.origin, np.arange(fitted.width))
    return bool(own and not fitted.left.size and not fitted.form.any() and np.isnan(fitted.missing).all())


def _check(fitted: Preparation) -> None:
    """Refuse arrays that the loops could read outside of, or that could make no numbers."""
    count, pairs, start = len(fitted.names), fitted.left.size, fitted.start
    if not 1 <= fitted.width <= MOST_COLUMNS or not 1 <= count <= MOST_COLUMNS or start.size != count + 1:
        raise BundleInvalid(f"preparation: expected 1 to {MOST_COLUMNS} inputs and outputs.")
    for name in ("origin", "form", "category", "missing", "unseen"):
        if getattr(fitted, name).size != count:
            raise BundleInvalid(f"preparation.{name}: expected one for each of the {count} outputs.")
    if ((fitted.origin < 0) | (fitted.origin >= fitted.width)).any():
        raise BundleInvalid(f"preparation.origin: expected inputs from 0 to {fitted.width - 1}.")
    if start[0] != 0 or start[-1] != pairs or (start[1:] < start[:-1]).any() or fitted.right.size != pairs:
        raise BundleInvalid(f"preparation.start: expected a rising sequence from 0 to the {pairs} pairs.")
    if (fitted.form > TABLE).any() or (fitted.category > 1).any():
        raise BundleInvalid("preparation: expected 0 or 1 as form and as category.")
    _check_pairs(fitted)


def _check_pairs(fitted: Preparation) -> None:
    in_table = np.repeat(fitted.form == TABLE, np.diff(fitted.start))
    if not np.isfinite(fitted.left).all() or not np.isfinite(fitted.right[~in_table]).all():
        raise BundleInvalid("preparation: expected finite pairs.")
    if (fitted.right[~in_table] < LOG).any():
        raise BundleInvalid("preparation.right: expected a divisor above 0, or 0 for the logarithm.")
    first = np.zeros(fitted.left.size + 1, np.bool_)
    first[fitted.start] = True
    follows = in_table[1:] & ~first[1:-1]
    if (fitted.left[1:] <= fitted.left[:-1])[follows].any():
        raise BundleInvalid("preparation.left: expected the values of each table to rise.")


def _read_names(name: npt.NDArray[np.uint8], start: npt.NDArray[np.int64]) -> tuple[str, ...]:
    fits = start.size and start[0] == 0 and start[-1] == name.size and (start[1:] >= start[:-1]).all()
    if not fits:
        raise BundleInvalid("preparation.name_start: expected where each name begins.")
    text = name.tobytes()
    try:
        return tuple(text[begin:end].decode() for begin, end in pairwise(start.tolist()))
    except UnicodeDecodeError as cause:
        raise BundleInvalid("preparation.name: expected names in UTF-8.") from cause
