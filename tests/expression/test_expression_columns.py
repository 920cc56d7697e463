"""Columns: forms they come and go in, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from riskloom.errors import DataInvalid
from riskloom.expression.check import check
from riskloom.expression.columns import compile_columns
from riskloom.expression.tree import Type

TYPES = {"x": Type.NUMBER, "s": Type.TEXT, "p": Type.BOOLEAN}


def compute(text, *, conditions=False, **columns):
    return compile_columns({"it": check(text, TYPES)}, list(TYPES), conditions=conditions)(columns)["it"]


@pytest.mark.parametrize(
    "given",
    [
        np.array([1, 0, -1], dtype=np.int8),
        np.array([1.0, 0.0, np.nan]),
        np.array([True, False, None], dtype=object),
    ],
)
def test_booleans_come_in_any_form_and_go_as_int8(given):
    made = compute("p", p=given)
    assert made.dtype == np.int8
    assert made.tolist() == [1, 0, -1]
    assert compute("not p", p=given).tolist() == [0, 1, -1]
    assert compute("not p", p=given, conditions=True).tolist() == [False, True, False]


def test_plain_bool_columns_have_nothing_missing():
    assert compute("not p", p=np.array([True, False])).tolist() == [0, 1]


def test_integer_columns_are_computed_as_numbers():
    made = compute("x / 2", x=np.array([1, 2, 3]))
    assert made.dtype == np.float64
    assert made.tolist() == [0.5, 1.0, 1.5]


def test_texts_go_as_objects_with_none():
    made = compute("lower(s)", s=np.array(["A", None, "ß"], dtype=object))
    assert made.dtype == object
    assert made.tolist() == ["a", None, "ß"]


def test_the_result_is_its_own_array():
    x = np.array([1.0, 2.0])
    made = compute("x", x=x)
    made[0] = 9.0
    assert x.tolist() == [1.0, 2.0]


def test_a_constant_fills_its_column():
    assert compute("5", x=np.zeros(3)).tolist() == [5.0, 5.0, 5.0]


def test_columns_that_nothing_reads_may_be_absent():
    assert compute("x > 1", x=np.array([2.0])).tolist() == [1]


def test_absent_columns_and_other_lengths_are_told_together():
    with pytest.raises(DataInvalid) as caught:
        compute("x > 1 and p", s=np.array(["a"], dtype=object), x=np.zeros(2))
    assert [fault.where for fault in caught.value.faults] == ["column 'p'", "columns"]


@pytest.mark.parametrize(
    "text", ["1 / x", "x % 0", "log(x)", "exp(x * 1e9)", "x * 1e308 * 10", "sqrt(-1 - x)", "x // 0"]
)
def test_nothing_numpy_warns_about_leaks(text):
    made = compute(text, x=np.array([0.0, -1.0, 1e308, np.nan, np.inf]))
    assert not np.isinf(made).any()
