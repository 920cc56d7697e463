"""What an expression means, as plainly as possible: None is missing, everywhere. Judge of both compilers."""

from __future__ import annotations

import math
import operator as op
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from expression_texts import RED

from riskloom.expression.tree import (
    Arithmetic,
    Call,
    Choose,
    Compare,
    Constant,
    InList,
    Logic,
    Member,
    Missing,
    Name,
    Negative,
    Node,
    Not,
    Power,
    Type,
)

SIGNS = {
    "+": op.add, "-": op.sub, "*": op.mul, "/": op.truediv, "//": op.floordiv, "%": op.mod,
    "<": op.lt, "<=": op.le, ">": op.gt, ">=": op.ge, "==": op.eq, "!=": op.ne,
}  # fmt: skip
PLAIN = {
    "abs": abs, "min": min, "max": max,
    "sqrt": math.sqrt, "log": math.log, "log1p": math.log1p, "exp": math.exp,
    "floor": lambda x: float(math.floor(x)), "ceil": lambda x: float(math.ceil(x)),
    "round": lambda x, digits=0: round(x, int(digits)) + 0.0,
    "clamp": lambda x, low, high: low if x < low else high if x > high else x,
    "text": lambda x: str(int(x)) if x == int(x) and abs(x) < 1e15 else repr(x),
    "join": lambda *texts: "|".join(texts),
    "len": lambda s: float(len(s)), "lower": str.lower, "upper": str.upper,
    "starts_with": str.startswith, "ends_with": str.endswith, "contains": str.__contains__,
}  # fmt: skip


def define(node: Node, event: Mapping[str, object], zone: str) -> object:
    """The value of a node by the null rule."""
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, InList):
        return None if event[node.field.name] is None else event[node.field.name] in RED
    if isinstance(node, Name):
        value = event[node.name]
        return None if isinstance(value, float) and not math.isfinite(value) else value
    if isinstance(node, Missing):
        return (define(node.item, event, zone) is None) is not node.negated
    if isinstance(node, Choose):
        return define(node.yes if define(node.condition, event, zone) is True else node.no, event, zone)
    if isinstance(node, Logic):
        return _kleene(node.operator, [define(item, event, zone) for item in node.items])
    if isinstance(node, Compare):
        values = [define(operand, event, zone) for operand in node.operands]
        return _kleene(
            "and", [_compare(o, x, y) for o, x, y in zip(node.operators, values, values[1:], strict=False)]
        )
    if isinstance(node, Call) and node.function == "coalesce":
        return next((v for v in (define(a, event, zone) for a in node.arguments) if v is not None), None)
    inside = [define(child, event, zone) for child in _inside(node)]
    if None in inside:
        return None
    try:
        value = _operate(node, inside, zone)
    except (ArithmeticError, ValueError):
        return None
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _inside(node: Node) -> Sequence[Node]:
    if isinstance(node, Arithmetic):
        return (node.left, node.right)
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Power):
        return (node.base,)
    assert isinstance(node, Not | Negative | Member)
    return (node.item,)


def _kleene(operator: str, items: Sequence[object]) -> object:
    ends = operator == "or"
    if any(item is ends for item in items):
        return ends
    return None if None in items else not ends


def _compare(operator: str, x: object, y: object) -> object:
    if x is None or y is None:
        return None
    return SIGNS[operator](x, y)


def _operate(node: Node, v: Sequence[object], zone: str) -> object:
    if isinstance(node, Not):
        return not v[0]
    if isinstance(node, Negative):
        return -v[0]
    if isinstance(node, Power):
        return v[0] * v[0] if node.exponent == 2 else math.pow(v[0], node.exponent)
    if isinstance(node, Member):
        return (v[0] in list(node.choices)) is not node.negated
    if isinstance(node, Arithmetic):
        value = SIGNS[node.operator](v[0], v[1])
        return value / 1e6 if node.left.type is Type.TIME else value
    assert isinstance(node, Call)
    if node.function in ("hour", "weekday", "is_weekend"):
        weekday, hour = _local(v[0], zone)
        return {"hour": hour, "weekday": weekday, "is_weekend": weekday >= 5.0}[node.function]
    return PLAIN[node.function](*v)


def _local(time, zone):
    """Weekday and hour by the standard library; outside 1970-2100 the first or last offset goes on."""
    first, last = datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, tzinfo=UTC)
    if 0 <= time < 4.1e15:
        local = (first + timedelta(microseconds=int(time))).astimezone(ZoneInfo(zone))
        return float(local.weekday()), float(local.hour)
    offset = (first if time < 0 else last).astimezone(ZoneInfo(zone)).utcoffset()
    local_us = time + offset.total_seconds() * 1e6
    return (local_us // 86_400e6 + 3.0) % 7.0, local_us // 3_600e6 % 24.0
