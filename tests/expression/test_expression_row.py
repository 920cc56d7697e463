"""One event: values, the null rule, and names of earlier expressions."""

from __future__ import annotations

import math

import pytest

from riskloom.errors import ExpressionInvalid
from riskloom.expression.check import check
from riskloom.expression.row import compile_row, write_source
from riskloom.expression.tree import Type

NAN, INF = math.nan, math.inf
TYPES = {"x": Type.NUMBER, "y": Type.NUMBER, "s": Type.TEXT, "p": Type.BOOLEAN, "t": Type.TIME}


def value(text: str, x=NAN, y=NAN, s=None, p=None, t=NAN, *, conditions=False, zone="UTC"):
    row = compile_row({"it": check(text, TYPES, zone)}, list(TYPES), conditions=conditions)
    return row([x, y, s, p, t])[0]


def test_neither_a_comparison_nor_its_negation_is_met_for_a_missing_value():
    assert value("x > 5") is None
    assert value("not x > 5") is None
    assert value("x > 5", conditions=True) is False
    assert value("not x > 5", conditions=True) is False


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x > 1 and p", None),
        ("x > 1 and False", False),
        ("False and x > 1", False),
        ("x > 1 or True", True),
        ("x > 1 or p", None),
        ("not (x > 1 or True)", False),
        ("x == x", None),
        ("x != x", None),
        ("1 < 2 < x", None),
        ("2 < 1 < x", False),
        ("s == 'a'", None),
        ("s != 'a'", None),
        ("s not in ('a',)", None),
        ("x in (1, 2)", None),
        ("x not in (1, 2)", None),
        ("p == True", None),
        ("x is None", True),
        ("s is not None", False),
        ("1 / 0 is None", True),
        ("(1 if x > 3 else 2) == 2", True),
        ("coalesce(x, y, 7) == 7", True),
        ("coalesce(p, x > 1, True)", True),
        ("coalesce(s, 'none') == 'none'", True),
        ("max(x, 1) is None", True),
        ("is_weekend(t)", None),
        ("starts_with(s, 'a')", None),
    ],
)
def test_the_null_rule(text, wanted):
    assert value(text) is wanted


@pytest.mark.parametrize(
    "text",
    ["1/x", "1//x", "1%x", "log(x)", "log(x - 1)", "sqrt(x-1)", "exp(x+1000)", "(x-8) ** 0.5", "x ** -1",
     "1e308 * 10", "-1e308 - 1e308", "1e308 * 10 - 1e308 * 10", "((x + 10) ** 16) ** 16 * 1e300"],
)  # fmt: skip
def test_a_result_that_is_not_finite_is_missing(text):
    assert math.isnan(value(text, x=0.0))


@pytest.mark.parametrize(
    "text",
    [
        "1e308 * x > 5",
        "5 < 1e308 * x",
        "-1e308 * x < 5",
        "1e308 * x != 1",
        "1 / (x * 1e308) < 1",
    ],
)
def test_an_overflow_inside_a_condition_makes_it_unknown(text):
    assert value(text, x=100.0) is None
    assert value(f"not ({text})", x=100.0) is None


@pytest.mark.parametrize("infinite", [INF, -INF])
def test_an_infinite_input_counts_as_missing(infinite):
    assert value("x > 5", x=infinite) is None
    assert math.isnan(value("x", x=infinite))


def test_the_unused_branch_of_a_choice_does_no_harm():
    assert value("1 / x if x != 0 else 0", x=0.0) == 0.0


@pytest.mark.parametrize(
    ("given", "wanted"), [(True, True), (1, True), (1.0, True), (False, False), (0.0, False)]
)
def test_a_boolean_may_come_as_one_or_zero(given, wanted):
    assert value("p", p=given) is wanted
    assert value("not p", p=given) is not wanted


@pytest.mark.parametrize("given", [None, NAN, -1])
def test_a_boolean_that_is_neither_is_missing(given):
    assert value("p", p=given) is None
    assert value("p or not p", p=given) is None


def test_an_expression_uses_an_earlier_one():
    types = {**TYPES, "ratio": Type.NUMBER, "high": Type.BOOLEAN}
    texts = {"ratio": "x / y", "high": "ratio > 3", "calm": "not high"}
    expressions = {name: check(text, types) for name, text in texts.items()}
    row = compile_row(expressions, list(TYPES))
    assert row([8.0, 2.0, None, None, NAN]) == (4.0, True, False)
    assert row([8.0, 0.0, None, None, NAN])[1:] == (None, None)
    assert compile_row(expressions, list(TYPES), conditions=True)([8.0, 0.0, None, None, NAN])[1:] == (
        False,
        False,
    )


def test_only_inputs_that_are_used_are_read():
    row = compile_row({"it": check("y > 1", TYPES)}, ["x", "y"])

    seen = []

    class Watched(list):
        def __getitem__(self, at):
            seen.append(at)
            return super().__getitem__(at)

    assert row(Watched([NAN, 2.0])) == (True,)
    assert seen == [1]


def test_no_expressions_give_no_values():
    assert compile_row({}, ["x"])([1.0]) == ()


@pytest.mark.parametrize(
    ("texts", "inputs", "words"),
    [
        ({"a": "x > 1"}, ["y"], "an input or an earlier expression"),
        ({"a": "later > 1", "later": "x"}, ["x"], "an input or an earlier expression"),
        ({"x": "y > 1"}, ["x", "y"], "a name no input has"),
        ({"later": "s == 'a'", "b": "later > 1"}, ["s"], "to be a boolean"),
    ],
)
def test_names_that_do_not_fit_together_are_refused(texts, inputs, words):
    expressions = {name: check(text, {**TYPES, "later": Type.NUMBER}) for name, text in texts.items()}
    with pytest.raises(ExpressionInvalid, match=words):
        compile_row(expressions, inputs)


def test_an_input_read_with_two_types_is_refused():
    expressions = {"a": check("x > 1", {"x": Type.NUMBER}), "b": check("x == 'a'", {"x": Type.TEXT})}
    with pytest.raises(ExpressionInvalid, match="to be a number as elsewhere"):
        compile_row(expressions, ["x"])


DEEP = [
    "-({})", "1 + ({})", "1 / ({})", "({}) / 2", "1 // ({})", "({}) % 3", "({}) ** 2", "({}) ** 3",
    "max(1, {})", "round({}, 2)", "1 if 1 / ({}) > 2 else 2", "1 / ({}) if p else 2",
]  # fmt: skip
DEEP_FACTS = [
    "not ({})", "p and ({})", "p or ({})", "({}) == p", "p != ({})", "p == ({}) == p", "({}) if p else p",
    "p if ({}) else p", "coalesce({}, p)", "({}) is None", "p and not (({}) == p)",
]  # fmt: skip


@pytest.mark.parametrize(("shape", "core"), [(s, "x") for s in DEEP] + [(s, "x > 1") for s in DEEP_FACTS])
def test_the_deepest_nesting_of_every_form_compiles_and_its_code_stays_short(shape, core):
    text = core
    while True:
        try:
            check(shape.format(text), TYPES)
        except ExpressionInvalid:
            break
        text = shape.format(text)
    expressions = {"it": check(text, TYPES)}
    source, _ = write_source(expressions, list(TYPES))
    assert len(source) < 200 * len(text)
    for conditions in (False, True):
        compile_row(expressions, list(TYPES), conditions=conditions)([1.0, 2.0, "a", True, 0.0])
