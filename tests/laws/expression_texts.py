"""Strategies for events and for texts of expressions of every type, with the edges in them."""

from __future__ import annotations

import math
from functools import cache

from hypothesis import strategies as st

from riskloom.expression.tree import Type

TYPES = {
    "a": Type.NUMBER,
    "b": Type.NUMBER,
    "c": Type.NUMBER,
    "s": Type.TEXT,
    "t": Type.TEXT,
    "p": Type.BOOLEAN,
    "q": Type.BOOLEAN,
    "when": Type.TIME,
    "then": Type.TIME,
}
LISTS = {"red": ("s", "t")}
RED = frozenset(["", "a", "İ", "日本", "None"])
"""What stands on the list."""
INPUTS = TYPES | {"s in @red": Type.BOOLEAN, "t in @red": Type.BOOLEAN}
"""What the compiled functions are given: the names, then the memberships."""
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")

NAN = math.nan
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, 2.0, 3.0, 7.0, 100.0, 0.1, 1e-300, 5e-324, 1e308, -1e308]
EDGES += [1.7976931348623157e308, 2.0**46, 2.0**53, 709.78, 710.0, NAN, math.inf, -math.inf]
# 2026-03-29 01:00 UTC is when summer time begins in Berlin; around it, around a midnight, and far away.
_TIMES = [0.0, -1.0, 1774746000e6 - 1, 1774746000e6, 1774746000e6 + 1, 1767225600e6 - 1, 1767225600e6]
_TIMES += [4e15, -9e15, 9e15, 1e300, NAN, math.inf]
_TEXTS = ["", "a", "A", "ab", "straße", "İ", "日本", "None", "__class__", " a", "'", '"', "\\", None]

NUMBERS = st.sampled_from(EDGES) | st.floats(allow_nan=True, allow_infinity=True)
MOMENTS = st.sampled_from(_TIMES) | st.integers(0, 4_000_000_000_000_000).map(float)
EVENTS = st.fixed_dictionaries(
    {
        "a": NUMBERS,
        "b": NUMBERS,
        "c": NUMBERS,
        "s": st.sampled_from(_TEXTS),
        "t": st.sampled_from(_TEXTS) | st.text(max_size=3),
        "p": st.sampled_from([True, False, None]),
        "q": st.sampled_from([True, False, None]),
        "when": MOMENTS,
        "then": MOMENTS,
    }
).map(lambda event: with_memberships(event))


def with_memberships(event: dict[str, object]) -> dict[str, object]:
    """An event with what a pipeline fills in: None where the field is missing."""
    found = {f"{name} in @red": None if event[name] is None else event[name] in RED for name in ("s", "t")}
    return {**event, **found}


def _written(value: float) -> str:
    return f"({value!r})" if value < 0 or math.copysign(1.0, value) < 0 else repr(value)


LITERALS = st.sampled_from([0.0, 1.0, 2.0, 0.5, 3.0, -1.0, 100.0, 1e308, 1e-300, -0.0, 7.0]).map(_written)
QUOTED = st.sampled_from([text for text in _TEXTS if text]).map(repr)
CHOICES = st.lists(LITERALS, min_size=1, max_size=9).map(lambda items: f"[{', '.join(items)}]") | st.just(
    "{0, 1}"
)
WORDS = st.lists(QUOTED, min_size=1, max_size=4).map(lambda items: f"({', '.join(items)},)")


def _join(pattern: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda made: pattern.format(*made))


@cache
def _numbers(depth: int) -> st.SearchStrategy[str]:
    leaves = st.sampled_from(["a", "b", "c"]) | LITERALS
    if depth == 0:
        return leaves
    n, f, s, t = _numbers(depth - 1), _facts(depth - 1), _words(depth - 1), _moments(depth - 1)
    signs = st.sampled_from(["+", "-", "*", "/", "//", "%"])
    one = st.sampled_from(["abs", "floor", "ceil", "sqrt", "log", "log1p", "exp", "round"])
    return st.one_of(
        leaves,
        _join("({} {} {})", n, signs, n),
        _join("({} {} {})", n, signs, n),
        _join("(-{})", n),
        _join("({} ** {})", n, st.sampled_from(["2", "3", "0.5", "-1", "(-0.5)", "0", "16", "-16", "1"])),
        _join("{}({})", one, n),
        _join("round({}, {})", n, st.sampled_from(["0", "1", "2", "15"])),
        _join("{}({}, {}, {})", st.sampled_from(["min", "max", "clamp", "coalesce"]), n, n, n),
        _join("coalesce({}, {})", n, n),
        _join("({} if {} else {})", n, f, n),
        _join("{}({})", st.sampled_from(["hour", "weekday"]), t),
        _join("len({})", s),
        _join("({} - {})", t, t),
    )


@cache
def _words(depth: int) -> st.SearchStrategy[str]:
    leaves = st.sampled_from(["s", "t"]) | QUOTED
    if depth == 0:
        return leaves
    s = _words(depth - 1)
    return st.one_of(
        leaves,
        _join("{}({})", st.sampled_from(["lower", "upper"]), s),
        _join("text({})", _numbers(depth - 1)),
        _join("join({}, {})", s, s),
        _join("join({}, {}, {})", s, s, s),
        _join("coalesce({}, {})", s, s),
        _join("({} if {} else {})", s, _facts(depth - 1), s),
    )


@cache
def _moments(depth: int) -> st.SearchStrategy[str]:
    leaves = st.sampled_from(["when", "then"])
    if depth == 0:
        return leaves
    t = _moments(depth - 1)
    return leaves | _join("coalesce({}, {})", t, t) | _join("({} if {} else {})", t, _facts(depth - 1), t)


@cache
def _facts(depth: int) -> st.SearchStrategy[str]:
    leaves = st.sampled_from(["p", "q", "True", "False"])
    if depth == 0:
        return leaves
    n, f, s, t = _numbers(depth - 1), _facts(depth - 1), _words(depth - 1), _moments(depth - 1)
    sign, equal = st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.sampled_from(["==", "!="])
    word, inside = st.sampled_from(["and", "or"]), st.sampled_from(["in", "not in"])
    anything = st.one_of(n, f, s, t)
    return st.one_of(
        leaves,
        _join("({} {} {})", n, sign, n),
        _join("({} {} {} {} {})", n, sign, n, sign, n),
        _join("({} {} {})", t, sign, t),
        _join("({} {} {})", s, equal, s),
        _join("({} {} {} {} {})", s, equal, s, equal, s),
        _join("({} {} {})", f, equal, f),
        _join("({} {} {} {} {})", f, equal, f, equal, f),
        _join("(not {})", f),
        _join("({} {} {})", f, word, f),
        _join("({} {} {} {} {})", f, word, f, word, f),
        _join("({} {} {})", n, inside, CHOICES),
        _join("({} {} {})", s, inside, WORDS),
        _join("({} {} @red)", st.sampled_from(["s", "t"]), inside),
        _join("({} {} None)", anything, st.sampled_from(["is", "is not"])),
        _join("({} if {} else {})", f, f, f),
        _join("coalesce({}, {})", f, f),
        _join("{}({}, {})", st.sampled_from(["starts_with", "ends_with", "contains"]), s, s),
        _join("is_weekend({})", t),
    )


FACTS = _facts(2)
TEXTS = st.one_of(_numbers(3), _facts(3), _facts(3), _words(3), _moments(2)).filter(
    lambda text: len(text) <= 2000
)
