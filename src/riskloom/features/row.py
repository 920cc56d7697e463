"""From an event's values to its row of integers: one event, or columns of many."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from riskloom.features.dictionary import Dictionary
from riskloom.features.layout import ARRIVAL, ARRIVED, ENTRY, NULL, TIME, UNSEEN_ID, VALUES, Ints
from riskloom.features.spec import Column

Fill = Callable[[int, int, Mapping[str, Any]], bool]


def compile_fill(columns: Sequence[Column], dictionaries: Sequence[Dictionary], row: memoryview) -> Fill:
    """A function (time_us, arrived_us, values) -> whether an id column holds a string no dictionary knows.

    It writes the row's bytes; unknown strings become UNSEEN_ID. `columns` begin with the id columns, one for
    each of `dictionaries`. Column names enter the source only as quoted text.
    """
    ids = len(dictionaries)
    lines = [f"    v{i} = known{i}(values[{c.name!r}], {UNSEEN_ID})" for i, c in enumerate(columns[:ids])]
    lines += [f"    v{i} = values[{c.name!r}]" for i, c in enumerate(columns) if i >= ids]
    places = [f"v{i}" if i < ids else f"{NULL} if v{i} is None else v{i}" for i in range(len(columns))]
    unseen = " or ".join(f"v{i} == {UNSEEN_ID}" for i in range(ids)) or "False"
    source = "\n".join(
        [
            "def fill(time_us, arrived_us, values):",
            *lines,
            f"    pack(row, 0, time_us, arrived_us, 0, {NULL}, {', '.join(places)})",
            f"    return {unseen}",
        ]
    )
    names: dict[str, Any] = {f"known{i}": dictionary.get for i, dictionary in enumerate(dictionaries)}
    names |= {"pack": struct.Struct(f"{VALUES + len(columns)}q").pack_into, "row": row}
    exec(source, names)  # noqa: S102 (built from quoted names only)
    fill: Fill = names["fill"]
    return fill


def make_rows(
    numbers: tuple[Ints, Ints, Ints],
    values: Mapping[str, Any],
    columns: Sequence[Column],
    dictionaries: Sequence[Dictionary],
    width: int,
) -> Ints:
    """The rows of many events: `numbers` are time, arrived, arrival; `values` holds a column for each name.

    New strings get their ids.

    Raises
    ------
    TypeError
        When a column holds something else than its kind says.
    """
    rows = np.zeros((len(numbers[0]), width), np.int64)
    rows[:, ENTRY] = NULL
    rows[:, TIME], rows[:, ARRIVED], rows[:, ARRIVAL] = numbers
    for i, column in enumerate(columns):
        held = values[column.name]
        rows[:, VALUES + i] = (
            dictionaries[i].ids(held) if column.kind == "id" else _integers(held, column.name)
        )
    return rows


def _integers(values: Any, name: str) -> Ints:
    if isinstance(values, np.ndarray) and values.dtype.kind in "iub":
        return values.astype(np.int64, copy=False)
    if isinstance(values, np.ndarray) and values.dtype.kind != "O":
        raise TypeError(f"{name} holds integers, not {values.dtype}")
    if any(isinstance(value, float) for value in values):
        raise TypeError(f"{name} holds integers or None, not floats")
    return np.array([NULL if value is None else value for value in values], np.int64)
