"""Arrow columns straight to what an event holds, without a row in between.

Numbers, times and texts in their common forms are read as whole columns; other values by the reader of one
value of their field, equal ones once. A row with anything that neither knows is given back to be read as a
row, so that it comes out the same: the same event, or every fault of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from riskloom.adapters.sources.plain import decoded, micros, plain_values
from riskloom.domain import text_kernel
from riskloom.domain.columns import Column, texts
from riskloom.domain.event import EventSchema
from riskloom.domain.field import INTEGER_LIMIT, NULL, Field, FieldType
from riskloom.domain.many import (
    Bools,
    Floats,
    Ints,
    exact_floats,
    minor_units,
    scaled_floats,
    scaled_integers,
)
from riskloom.domain.money import exponent
from riskloom.domain.read import LATEST_US, FieldFault, number_shape, reader

_NUMBERS = frozenset({FieldType.INTEGER, FieldType.NUMBER, FieldType.LATITUDE, FieldType.LONGITUDE})
_LARGE = 1 << 62


@dataclass(frozen=True, slots=True)
class ReadColumn:
    """What is held of each row, and which rows must be read as rows; `codes` tell values apart by number."""

    held: Column
    odd: Bools
    codes: Ints | None = None


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Columns of the fields, labels (1, 0, NaN), and which rows must be read as rows."""

    values: dict[str, Column]
    labels: Floats
    odd: Bools


def read_batch(
    batch: Any, schema: EventSchema, first: int, label_name: str, label_of: Callable[[object], float | None]
) -> ReadBatch:
    """Read a record batch.

    Parameters
    ----------
    first
        The number of its first row.
    label_name, label_of
        The column of labels, where the file has it, and what reads one: None where it is none.
    """
    count, names = batch.num_rows, batch.schema.names
    given = {
        field.name: batch.column(field.name) if field.name in names else pa.nulls(count)
        for field in schema.fields
    }
    read = {
        field.name: read_column(given[field.name], field)
        for field in schema.fields
        if field.type is not FieldType.MONEY
    }
    time_us = read[schema.time_field].held if schema.time_field else np.arange(first, first + count)
    for field in schema.money:
        currency = read.get(field.currency_field)
        read[field.name] = _money(decoded(given[field.name]), field, schema, currency, time_us)
    odd = np.zeros(count, np.bool_)
    for field in schema.fields:
        odd |= read[field.name].odd
        if field.required or field.name in (schema.id_field, schema.time_field):
            odd |= is_missing(read[field.name].held)
    labels = np.full(count, np.nan)
    if label_name in names:
        labels, bad = _labels(batch.column(label_name), Field(label_name, FieldType.STRING), label_of)
        odd |= bad
    return ReadBatch({field.name: read[field.name].held for field in schema.fields}, labels, odd)


def is_missing(held: Column) -> Bools:
    """Where nothing is held."""
    found: Bools = held == None if held.dtype == object else held == NULL  # noqa: E711 (of each element)
    return found


def read_column(array: Any, field: Field) -> ReadColumn:
    """A column of any field but money."""
    array = decoded(array)
    kind = array.type
    if field.type is FieldType.TIME and pa.types.is_timestamp(kind):
        return _bounded(_integers(micros(array, field)), array, 0, LATEST_US - 1)
    if field.type is FieldType.TIME and _is_text(kind):
        return _moments(array, field)
    if field.type in _NUMBERS and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return _numbers(array, field)
    if field.type is FieldType.BOOLEAN and pa.types.is_boolean(kind):
        return _bounded(_integers(array), array, 0, 1)
    return _one_by_one(array, field)


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _nulls(array: Any) -> Bools:
    found: Bools = array.is_null().to_numpy(zero_copy_only=False)
    return found


def _integers(array: Any) -> Ints:
    """Whole numbers or conditions as int64, 0 where missing; what is too large stays too large."""
    kind = array.type
    whole = array.cast(pa.int8()) if pa.types.is_boolean(kind) else array
    found = pc.fill_null(whole, 0).to_numpy(zero_copy_only=False)
    values: Ints = (np.minimum(found, _LARGE) if found.dtype == np.uint64 else found).astype(np.int64)
    return values


def _floats(array: Any) -> Floats:
    """As doubles, NaN where missing."""
    found: Floats = array.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _bounded(values: Ints, array: Any, low: int, high: int) -> ReadColumn:
    nulls = _nulls(array)
    return ReadColumn(np.where(nulls, NULL, values), ((values < low) | (values > high)) & ~nulls)


def _numbers(array: Any, field: Field) -> ReadColumn:
    decimals, low, high, _ = number_shape(field)
    if pa.types.is_integer(array.type):
        nulls = _nulls(array)
        values, known = scaled_integers(_integers(array), decimals, low, high)
    else:
        floats = _floats(array)
        nulls = np.isnan(floats)
        values, known = scaled_floats(floats, decimals, low, high)
    return ReadColumn(np.where(nulls, NULL, values), ~known & ~nulls)


def _buffers(array: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]:
    """(where each text begins, one more than texts; bytes) of a column of texts."""
    _, offsets, data = array.buffers()
    width = np.int64 if pa.types.is_large_string(array.type) else np.int32
    if offsets is None or not len(array):
        return np.zeros(len(array) + 1, width), np.zeros(1, np.uint8)
    begins = np.frombuffer(offsets, width)[array.offset : array.offset + len(array) + 1]
    return begins, np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)


def _moments(array: Any, field: Field) -> ReadColumn:
    """Times as text; what is not written as most are, by the reader of one."""
    count = len(array)
    found, known, odd = np.zeros(count, np.int64), np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    text_kernel.read_moments(*_buffers(array), field.timezone == "UTC", found, known)
    nulls = _nulls(array)
    rest = np.flatnonzero(~known & ~nulls)
    if len(rest):
        other = _one_by_one(array.take(pa.array(rest)), field)
        found[rest], odd[rest] = other.held, other.odd
    return ReadColumn(np.where(nulls, NULL, found), odd)


def _one_by_one(array: Any, field: Field) -> ReadColumn:
    """Any column by the reader of one value; where equal values can be told, each but once."""
    read = reader(field)
    different, codes = _different(array)
    values: list[object] = [None] * len(different)
    odd = np.zeros(len(different) + 1, np.bool_)
    rest: list[int] = list(range(len(different)))
    if field.type.is_text and not field.values and _is_text(different.type):
        known = np.zeros(len(different), np.bool_)
        look = text_kernel.read_addresses if field.type is FieldType.IP else text_kernel.read_plain
        look(*_buffers(different), known)
        values = different.to_numpy(zero_copy_only=False).tolist()
        rest = np.flatnonzero(~known).tolist()
        different = different.take(pa.array(rest, pa.int64()))
    for at, value in zip(rest, plain_values(different, field), strict=True):
        try:
            values[at] = None if value is None else read(value)
        except FieldFault:
            values[at], odd[at] = None, True
    values.append(None)
    lookup = texts(values) if field.type.is_text else _with_nulls(values)  # type: ignore[arg-type]
    return ReadColumn(lookup[codes], odd[codes], codes)


def _different(array: Any) -> tuple[Any, Ints]:
    """(the values of a column, where possible each once; the place of each row's, behind them for null)."""
    kind = array.type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or _is_text(kind) or pa.types.is_binary(kind):
        encoded = array.dictionary_encode()
        last = len(encoded.dictionary)
        return encoded.dictionary, pc.fill_null(encoded.indices, last).to_numpy(zero_copy_only=False)
    return array, np.arange(len(array))


def _with_nulls(values: list[Any]) -> Ints:
    return np.array([NULL if value is None else value for value in values], np.int64)


def _labels(array: Any, field: Field, label_of: Callable[[object], float | None]) -> tuple[Floats, Bools]:
    """(labels, where there is something that is none)."""
    different, codes = _different(decoded(array))
    found = [label_of(value) for value in [*plain_values(different, field), None]]
    labels = np.array([np.nan if label is None else label for label in found])
    return labels[codes], np.array([label is None for label in found])[codes]


def _money(
    array: Any, field: Field, schema: EventSchema, currency: ReadColumn | None, time_us: Ints
) -> ReadColumn:
    """Amounts in minor units of the base currency, each currency's at once."""
    digits, scales, known, nulls = _decimals(array)
    minor = np.full(len(array), NULL)
    for code, rows in _by_currency(currency, len(array), schema.rates.base):
        found, fits = minor_units(schema.rates, code, digits[rows], scales[rows], time_us[rows])
        fits &= known[rows]
        if code == schema.rates.base and pa.types.is_floating(array.type) and not fits.all():
            places, most = exponent(code), INTEGER_LIMIT - 1
            rounded, is_safe = scaled_floats(_floats(array)[rows], places, -most, most)
            found, fits = np.where(fits, found, rounded), fits | is_safe
        if not field.signed:
            fits &= found >= 0
        minor[rows[fits]] = found[fits]
    minor[nulls] = NULL
    return ReadColumn(minor, (minor == NULL) & ~nulls)


def _by_currency(currency: ReadColumn | None, count: int, base: str) -> list[tuple[str, Ints]]:
    """The rows of each currency; of one that is missing among those of the base."""
    if currency is None:
        return [(base, np.arange(count))]
    codes = np.arange(count) if currency.codes is None else currency.codes
    grouped = []
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        name = currency.held[rows[0]]
        grouped.append((base if name is None else str(name), rows))
    return grouped


def _decimals(array: Any) -> tuple[Ints, Ints, Bools, Bools]:
    """(digits, scale, where they are known, where there is no value): each value is digits / 10**scale."""
    count, kind = len(array), array.type
    digits, scales, known = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.bool_)
    if pa.types.is_floating(kind):
        floats = _floats(array)
        return *exact_floats(floats), np.isnan(floats)
    if pa.types.is_integer(kind):
        digits = _integers(array)
        known = (digits > -_LARGE) & (digits < _LARGE)
    elif _is_text(kind):
        text_kernel.read_decimals(*_buffers(array), digits, scales, known)
    elif pa.types.is_decimal128(kind) and kind.scale >= 0 and count:
        words = np.frombuffer(array.buffers()[1], np.int64).reshape(-1, 2)[array.offset :][:count]
        digits, scales = words[:, 0].copy(), np.full(count, kind.scale)
        known = (words[:, 1] == digits >> 63) & (digits > -_LARGE) & (digits < _LARGE)
    return digits, scales, known, _nulls(array)
