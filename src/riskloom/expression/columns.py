"""Computes the same expressions over numpy columns, with the bits the row function gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from riskloom.errors import DataInvalid, Fault
from riskloom.expression.check import Expression
from riskloom.expression.column_functions import Array, Mask, each, missing
from riskloom.expression.functions import FUNCTIONS
from riskloom.expression.plan import plan_inputs
from riskloom.expression.row_functions import NAN, power
from riskloom.expression.tree import (
    Arithmetic,
    Call,
    Choose,
    Compare,
    Constant,
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
from riskloom.expression.zones import zone

Columns = Callable[[Mapping[str, Array]], dict[str, Array]]

CHUNK = 16_384
"""Events computed at a time, so that what lies between stays in the cache."""

_DTYPES: dict[Type, type[Any]] = {
    Type.NUMBER: np.float64,
    Type.TIME: np.float64,
    Type.TEXT: object,
    Type.BOOLEAN: np.int8,
}
_ARITHMETIC: dict[str, Callable[[Array, Array], Array]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "//": np.floor_divide,
    "%": np.remainder,
}
_COMPARE: dict[str, Callable[[Array, Array], Array]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_INVERSE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


def compile_columns(
    expressions: Mapping[str, Expression], inputs: Sequence[str], *, conditions: bool = False
) -> Columns:
    """A function that computes all `expressions` for many events.

    Parameters
    ----------
    expressions, inputs, conditions : as for `compile_row`

    Returns
    -------
    A function of columns by name, all of one length, that gives one column for each expression. Numbers and
    times are float64 with NaN missing; texts are object arrays of str and None; booleans come as any array in
    which 1 is true, 0 is false and anything else missing, and go as int8 (1, 0, and -1 for missing), or as
    bool with `conditions`. Columns that no expression reads may be absent. It raises DataInvalid for columns
    that are absent or of different lengths.

    Raises
    ------
    ExpressionInvalid
        When the names do not fit together; see `plan_inputs`.
    """
    used = plan_inputs(expressions, inputs)
    return partial(_compute, dict(expressions), used, conditions)


def _compute(
    expressions: Mapping[str, Expression],
    used: Mapping[str, Type],
    conditions: bool,
    columns: Mapping[str, Array],
) -> dict[str, Array]:
    length = _length(used, columns)
    referred = {name for expression in expressions.values() for name in expression.names}
    results: dict[str, Array] = {}
    for name, expression in expressions.items():
        met = conditions and expression.type is Type.BOOLEAN
        results[name] = np.empty(length, dtype=np.bool_ if met else _DTYPES[expression.type])
    with np.errstate(all="ignore"):
        for low in range(0, length, CHUNK):
            high = min(low + CHUNK, length)
            names = {name: _take(columns[name][low:high], kind) for name, kind in used.items()}
            chunk = _Chunk(high - low, names)
            for name, expression in expressions.items():
                chunk.zone_name = expression.timezone
                if results[name].dtype == np.bool_ and name not in referred:
                    results[name][low:high] = chunk.truth(expression.tree, True)
                    continue
                names[name] = chunk.value(expression.tree)
                results[name][low:high] = names[name] == 1 if results[name].dtype == np.bool_ else names[name]
    return results


def _length(used: Mapping[str, Type], columns: Mapping[str, Array]) -> int:
    faults = [
        Fault(f"column {name!r}", f"a column of type {kind}")
        for name, kind in used.items()
        if name not in columns
    ]
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        faults.append(Fault("columns", "columns of one length", str(lengths)))
    if faults:
        raise DataInvalid(faults)
    return next(iter(lengths.values()), 0)


def _take(values: Array, kind: Type) -> Array:
    """A stretch of an input column in the form the language computes with."""
    if kind.is_numeric:
        return _tame(np.asarray(values, dtype=np.float64))
    if kind is Type.TEXT:
        return np.asarray(values, dtype=object)
    return _boolean(np.asarray(values == 1, dtype=np.bool_), np.asarray(values == 0, dtype=np.bool_))


def _tame(values: Array) -> Array:
    """Numbers with all that is not finite made the one NaN."""
    return np.where(np.isfinite(values), values, NAN)


def _boolean(true: Mask, false: Mask) -> Array:
    made: Array = np.where(true, np.int8(1), np.where(false, np.int8(0), np.int8(-1)))
    return made


class _Chunk:
    """Computes typed nodes over one stretch of events, each at most once as a value and once per truth."""

    def __init__(self, length: int, names: Mapping[str, Array]) -> None:
        self.length = length
        self.names = names
        self.zone_name = "UTC"
        self.values: dict[int, Array] = {}
        self.truths: dict[tuple[int, bool], Mask] = {}

    def value(self, node: Node) -> Array:
        """A node's values: finite or the one NaN; str or None; int8 1, 0 or -1."""
        if isinstance(node, Name):
            return self.names[node.name]
        found = self.values.get(id(node))
        if found is None:
            if node.type.is_numeric:
                wild = self.number(node)
                found = wild if isinstance(node, Constant) else _tame(wild)
            elif node.type is Type.TEXT:
                found = self.text(node)
            else:
                found = self.boolean(node)
            self.values[id(node)] = found
        return found

    def full(self, value: object, kind: Type) -> Array:
        """One value for every event, held once."""
        return np.broadcast_to(np.asarray(value, dtype=_DTYPES[kind]), (self.length,))

    def number(self, node: Node) -> Array:
        """Numbers that may still be infinite, as in the row function."""
        match node:
            case Constant(value=value):
                return self.full(value, Type.NUMBER)
            case Name(name=name):
                return self.names[name]
            case Negative(item=item):
                return np.negative(self.number(item))
            case Arithmetic():
                return self.arithmetic(node)
            case Power(base=base, exponent=exponent):
                if exponent == 2.0:
                    wild = self.number(base)
                    return np.multiply(wild, wild)
                return each(partial(power, exponent=exponent))(self.value(base))
            case Choose(condition=condition, yes=yes, no=no):
                return np.where(self.truth(condition, True), self.number(yes), self.number(no))
            case _:
                return self.call(node)

    def arithmetic(self, node: Arithmetic) -> Array:
        if node.left.type is Type.TIME:
            return np.divide(np.subtract(self.number(node.left), self.number(node.right)), 1_000_000.0)
        operation = _ARITHMETIC[node.operator]
        if node.operator in ("+", "-", "*"):
            return operation(self.number(node.left), self.number(node.right))
        left = self.number(node.left) if node.operator == "/" else self.value(node.left)
        # By zero, numpy gives an infinity or a NaN, both of which end up missing.
        return operation(left, self.value(node.right))

    def text(self, node: Node) -> Array:
        match node:
            case Constant(value=value):
                return self.full(value, Type.TEXT)
            case Choose(condition=condition, yes=yes, no=no):
                return np.where(self.truth(condition, True), self.value(yes), self.value(no))
            case _:
                return self.call(node)

    def call(self, node: Node) -> Array:
        if not isinstance(node, Call):
            raise TypeError(f"no columns for {type(node).__name__}")
        function = FUNCTIONS[node.function]
        arguments = [self.value(argument) for argument in node.arguments]
        if function.zoned:
            return function.columns(zone(self.zone_name), *arguments)
        return function.columns(*arguments)

    def boolean(self, node: Node) -> Array:
        if isinstance(node, Call):
            return self.call(node)
        return _boolean(self.truth(node, True), self.truth(node, False))

    def truth(self, node: Node, wanted: bool) -> Mask:
        """Where a boolean node is `wanted`, which is neither where it is missing."""
        key = (id(node), wanted)
        found = self.truths.get(key)
        if found is None:
            found = self.truths[key] = self.find(node, wanted)
        return found

    def find(self, node: Node, wanted: bool) -> Mask:
        match node:
            case Not(item=item):
                return self.truth(item, not wanted)
            case Logic(operator=operator, items=items):
                return self.join((operator == "and") is wanted, [self.truth(item, wanted) for item in items])
            case Choose(condition=condition, yes=yes, no=no):
                chosen: Mask = np.where(
                    self.truth(condition, True), self.truth(yes, wanted), self.truth(no, wanted)
                )
                return chosen
            case Compare(operands=operands, operators=operators):
                links = zip(operands, operators, operands[1:], strict=False)
                return self.join(
                    wanted, [self.link(left, sign, right, wanted) for left, sign, right in links]
                )
            case Member(item=item, choices=choices, negated=negated):
                return self.member(self.value(item), choices, wanted is not negated)
            case Missing(item=item, negated=negated):
                absent = missing(self.value(item))
                return absent if wanted is not negated else ~absent
            case Constant(value=value):
                return np.full(self.length, value is wanted)
            case _:
                truth: Mask = self.value(node) == int(wanted)
                return truth

    def join(self, every: bool, masks: Sequence[Mask]) -> Mask:
        operation = np.logical_and if every else np.logical_or
        joined = masks[0]
        for mask in masks[1:]:
            joined = operation(joined, mask)
        return joined

    def link(self, left: Node, operator: str, right: Node, wanted: bool) -> Mask:
        """One comparison; a missing side makes it neither true nor false."""
        sign = operator if wanted else _INVERSE[operator]
        one, other = self.value(left), self.value(right)
        holds: Mask = np.asarray(_COMPARE[sign](one, other), dtype=np.bool_)
        if left.type.is_numeric and sign != "!=":
            return holds
        for node, side in ((left, one), (right, other)):
            if not isinstance(node, Constant):
                holds = holds & ~missing(side)
        return holds

    def member(self, values: Array, choices: tuple[float, ...] | tuple[str, ...], inside: bool) -> Mask:
        allowed = frozenset(choices)
        found: Mask = np.fromiter((value in allowed for value in values.tolist()), np.bool_, self.length)
        return found if inside else ~found & ~missing(values)
