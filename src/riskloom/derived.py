"""An event's columns: as they are held, as expressions see them, as the state takes them; derived ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.domain.columns import texts
from riskloom.domain.event import Value
from riskloom.domain.field import NULL, Field, FieldType
from riskloom.domain.row import See, compile_see, converter
from riskloom.expression.columns import compile_columns
from riskloom.expression.row import compile_row
from riskloom.privacy.protect import key_of
from riskloom.scenario.scenario import Scenario

Vector = npt.NDArray[np.float64]
Held = Sequence[Value] | npt.NDArray[Any]
"""A column of what is held inside: values and None, or int64 with NULL."""
NAN = float("nan")


class Derive:
    """Derived columns from an event's own fields, for one event."""

    def __init__(self, scenario: Scenario) -> None:
        written = {derived.field.name: derived.expression for derived in scenario.derived}
        read = frozenset[str]().union(*(expression.names for expression in written.values()))
        inputs = [field for field in scenario.fields if field.name in read]
        self._inputs = tuple((field.name, converter(field)) for field in inputs)
        self.reads = tuple(name for name, _ in self._inputs)
        self.row = compile_row(written, self.reads)
        self.columns = compile_columns(written, self.reads)
        self.holders = tuple((derived.field, _holder(derived.field)) for derived in scenario.derived)

    def one(self, values: Mapping[str, Value]) -> dict[str, Value]:
        row = self.row([convert(values[name]) for name, convert in self._inputs])
        return {field.name: hold(value) for (field, hold), value in zip(self.holders, row, strict=True)}


def see_of(scenario: Scenario, personal: frozenset[str], derive: Derive | None) -> See:
    return compile_see(
        scenario.fields,
        [column.name for column in scenario.columns],
        personal=personal,
        key_of=key_of,
        derived=derive.holders if derive is not None else (),
        derive=derive.row if derive is not None else tuple,
        reads=derive.reads if derive is not None else (),
    )


def _holder(field: Field) -> Callable[[Any], Value]:
    """What makes of a derived value what is held inside; what does not fit is missing."""
    if field.type.is_text:
        return lambda value: None if value is None else str(value)
    scale = field.scale
    limit = 2**46 / scale

    def hold(value: float) -> int | None:
        return round(value * scale) if -limit < value < limit else None  # NaN is not between them

    return hold


def seen_column(values: Held, field: Field) -> npt.NDArray[Any]:
    """The column that expressions see; the same values as `conversion` gives one by one."""
    if field.type.is_text:
        return values if isinstance(values, np.ndarray) else texts(values)
    if field.type is FieldType.BOOLEAN and isinstance(values, np.ndarray):
        return np.where(values == NULL, -1, values).astype(np.int8)
    if field.type is FieldType.BOOLEAN:
        return np.array([-1 if value is None else int(value) for value in values], np.int8)
    scale = 60 if field.type is FieldType.CLOCK else field.scale
    numbers = np.array(values, np.float64)  # None becomes NaN
    if isinstance(values, np.ndarray):
        numbers[values == NULL] = NAN
    return numbers if scale == 1 else numbers / scale


def held_column(column: npt.NDArray[Any], field: Field) -> Held:
    """Derived values as they are held: texts, or int64 with NULL; the same values as `_holder` gives."""
    if field.type.is_text:
        return [None if value is None else str(value) for value in column.tolist()]
    numbers = as_numbers(column)
    limit = 2**46 / field.scale
    fits = (-limit < numbers) & (numbers < limit)
    return np.where(fits, np.rint(np.where(fits, numbers, 0.0) * field.scale).astype(np.int64), NULL)


def raw_column(values: Held, kind: str) -> Held:
    """A column as the state takes it: texts and None, or int64 with NULL."""
    if kind == "id" or isinstance(values, np.ndarray):
        return values
    return np.array([NULL if value is None else value for value in values], np.int64)


def as_numbers(column: npt.NDArray[Any]) -> Vector:
    """A written column as numbers; conditions (int8, -1 unknown) become 1, 0 and NaN."""
    if column.dtype == np.int8:
        return np.where(column < 0, NAN, column.astype(np.float64))
    return column
