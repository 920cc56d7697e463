"""Law: one event, a column of events and the plain three-valued definition give the same bits."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from expression_definition import define
from expression_texts import EDGES, EVENTS, FACTS, INPUTS, LISTS, TEXTS, TYPES, ZONES, with_memberships
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.expression.check import Expression, check
from riskloom.expression.columns import CHUNK, compile_columns
from riskloom.expression.row import compile_row
from riskloom.expression.tree import Type
from riskloom.expression.zones import zone

NAN = float("nan")


def bits(value: object) -> object:
    """A value by its bits, so that -0.0 is not 0.0 and a NaN is itself."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    return (type(value).__name__, value)


def column(name: str, events: Sequence[Mapping[str, object]]) -> np.ndarray:
    values = [event[name] for event in events]
    if INPUTS[name].is_numeric:
        return np.array(values, dtype=np.float64)
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def as_row(array: np.ndarray, kind: Type) -> list[object]:
    if kind is Type.BOOLEAN:
        assert array.dtype == np.int8
        return [None if value == -1 else bool(value) for value in array.tolist()]
    assert array.dtype == (object if kind is Type.TEXT else np.float64)
    return array.tolist()


def agree(expressions: Mapping[str, Expression], events: Sequence[Mapping[str, object]], zone: str) -> None:
    inputs = list(INPUTS)
    row, met = compile_row(expressions, inputs), compile_row(expressions, inputs, conditions=True)
    arrays = {name: column(name, events) for name in inputs}
    many = compile_columns(expressions, inputs)(arrays)
    many_met = compile_columns(expressions, inputs, conditions=True)(arrays)
    listed = {name: as_row(many[name], expression.type) for name, expression in expressions.items()}
    for at, event in enumerate(events):
        values = [event[name] for name in inputs]
        known = dict(event)
        for (name, expression), value, fact in zip(
            expressions.items(), row(values), met(values), strict=True
        ):
            wanted = define(expression.tree, known, zone)
            known[name] = wanted
            if wanted is None and expression.type.is_numeric:
                wanted = known[name] = NAN
            assert bits(value) == bits(wanted), (name, expression.text, event)
            assert bits(listed[name][at]) == bits(wanted), (name, expression.text, event)
            if expression.type is Type.BOOLEAN:
                assert fact is (wanted is True)
                assert many_met[name].dtype == np.bool_
                assert bool(many_met[name][at]) is (wanted is True)
            else:
                assert bits(fact) == bits(value)


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, events=st.lists(EVENTS, min_size=1, max_size=8), zone=st.sampled_from(ZONES))
def test_row_columns_and_definition_give_the_same_bits(text, events, zone):
    agree({"it": check(text, TYPES, zone, LISTS)}, events, zone)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), events=st.lists(EVENTS, min_size=1, max_size=4))
def test_expressions_that_use_earlier_ones_agree_too(data, events):
    types, expressions = dict(TYPES), {}
    for at in range(data.draw(st.integers(2, 5))):
        text = data.draw(TEXTS)
        for name, expression in expressions.items():
            old = {Type.NUMBER: "a", Type.BOOLEAN: "p", Type.TEXT: "s", Type.TIME: "when"}[expression.type]
            text = text.replace(f"({old} ", f"({name} ")
            for word in ("in", "not in"):  # only a field can be on a list
                text = text.replace(f"({name} {word} @", f"({old} {word} @")
        expressions[f"r{at}"] = check(text, types, lists=LISTS)
        types[f"r{at}"] = expressions[f"r{at}"].type
    agree(expressions, events, "UTC")


@settings(max_examples=100, deadline=None)
@given(text=FACTS, event=EVENTS)
def test_a_condition_and_its_negation_are_never_both_met(text, event):
    both = {name: check(said, TYPES, lists=LISTS) for name, said in (("yes", text), ("no", f"not {text}"))}
    yes, no = compile_row(both, list(INPUTS), conditions=True)([event[name] for name in INPUTS])
    assert not (yes and no)


UNARY = [
    "-a",
    "a ** 2",
    "a ** 3",
    "a ** 0.5",
    "a ** -1",
    "a ** 0",
    "a in (0, 1)",
    "a not in (0, 1)",
    "a is None",
]
UNARY += [f"{name}(a)" for name in ("abs", "floor", "ceil", "sqrt", "log", "log1p", "exp", "round")]
UNARY += ["round(a, 2)", "not a > 1", "hour(when)", "weekday(then)"]
BINARY = [f"a {sign} b" for sign in ("+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!=")]
BINARY += [f"{name}(a, b)" for name in ("min", "max", "coalesce")] + ["clamp(a, b, 1)", "clamp(a, -1, b)"]


def test_every_operation_agrees_on_every_pair_of_edges():
    expressions = {f"r{at}": check(text, TYPES) for at, text in enumerate(UNARY + BINARY)}
    blank = with_memberships(dict.fromkeys(TYPES))
    edges = [*EDGES, *(-edge for edge in EDGES)]
    events = [blank | {"a": a, "b": b, "c": NAN, "when": a, "then": b} for a in edges for b in edges]
    agree(expressions, events, "UTC")


@pytest.mark.parametrize("name", ZONES)
def test_the_microsecond_of_every_change_of_a_zone_agrees(name):
    blank = with_memberships(dict.fromkeys(TYPES)) | {"a": NAN, "b": NAN, "c": NAN, "then": NAN}
    moments = [start + shift for start in zone(name).starts for shift in (-1.0, 0.0, 1.0)]
    texts = {"h": "hour(when)", "d": "weekday(when)", "w": "is_weekend(when)"}
    expressions = {short: check(text, TYPES, name) for short, text in texts.items()}
    agree(expressions, [blank | {"when": moment} for moment in moments], name)


@pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1])
def test_where_a_column_is_cut_changes_nothing(length):
    text = "log(abs(a)) / (a - 1) // 0.3"
    rng = np.random.default_rng(5)
    values = rng.choice(np.array(EDGES), size=length)
    made = compile_columns({"x": check(text, TYPES)}, ["a"])({"a": values})["x"]
    row = compile_row({"x": check(text, TYPES)}, ["a"])
    assert (
        made.tobytes() == np.array([row([value])[0] for value in values.tolist()], dtype=np.float64).tobytes()
    )


@pytest.mark.parametrize(
    "text", ["log(a)", "log1p(a)", "exp(a)", "sqrt(a)", "a ** 0.5", "a ** 3", "a % b", "a // b"]
)
def test_the_last_bit_is_the_same_over_many_ordinary_numbers(text):
    rng = np.random.default_rng(11)
    a, b = np.exp(rng.normal(0, 4, 20_000)), rng.normal(0, 10, 20_000)
    expressions = {"x": check(text, TYPES)}
    row = compile_row(expressions, ["a", "b"])
    wanted = np.array([row(pair)[0] for pair in zip(a.tolist(), b.tolist(), strict=True)])
    made = compile_columns(expressions, ["a", "b"])({"a": a, "b": b})["x"]
    assert made.tobytes() == wanted.tobytes()
