"""Types a tree against the names that exist: what passes here is computed for any event without an error."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from riskloom.errors import ExpressionInvalid, Fault, nearest
from riskloom.expression.functions import FUNCTIONS, Function
from riskloom.expression.parse import read
from riskloom.expression.tree import (
    Arithmetic,
    Broken,
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
    walk,
)
from riskloom.expression.zones import zone

MAX_HINTS = 20
"""Faults of one text for which the nearest name is looked for: each search takes milliseconds."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that may be compiled."""

    text: str
    type: Type
    names: frozenset[str]
    """The names it reads."""
    tree: Node
    """The typed tree."""
    timezone: str
    """The zone of `hour`, `weekday` and `is_weekend`."""

    @property
    def memberships(self) -> tuple[tuple[str, str], ...]:
        """The (field, list) of each `field in @list` in it, in order, each once; their inputs are among
        `names`."""
        asked = (node for node in walk(self.tree) if isinstance(node, InList))
        return tuple(dict.fromkeys((node.field.name, node.list) for node in asked))


def check(
    expression: str | Node,
    types: Mapping[str, Type],
    timezone: str = "UTC",
    lists: Mapping[str, Collection[str]] | None = None,
) -> Expression:
    """Read and type one expression.

    Parameters
    ----------
    expression : the text, or what `parse` made of it
    types : what each name holds that the expression may use
    timezone : the IANA name of the zone in which hours and days are told
    lists : the lists that may be asked, each with the fields it can hold values of; None where none may

    Raises
    ------
    ExpressionInvalid
        With every fault of the text and of its types, each at its column, with the nearest name that exists.

    Examples
    --------
    >>> check("amount > 3 * mean", {"amount": Type.NUMBER, "mean": Type.NUMBER}).type
    <Type.BOOLEAN: 'boolean'>
    """
    zone(timezone)
    tree, faults = read(expression) if isinstance(expression, str) else (expression, [])
    checker = _Checker(types, lists)
    typed = checker.check(tree)
    if faults or checker.faults:
        raise ExpressionInvalid(sorted([*faults, *checker.faults], key=_column))
    names = frozenset(node.name for node in walk(typed) if isinstance(node, Name))
    return Expression(typed.span.text, typed.type, names, typed, timezone)


def _column(fault: Fault) -> int:
    return int(fault.where.removeprefix("column "))


class _Checker:
    """Rebuilds the tree with types and collects what does not fit; a part with a fault fits anywhere."""

    def __init__(self, types: Mapping[str, Type], lists: Mapping[str, Collection[str]] | None) -> None:
        self.types = types
        self.lists = lists
        self.faults: list[Fault] = []

    def fault(self, node: Node, expected: str, hint: str = "") -> Node:
        self.faults.append(Fault(node.span.where, expected, node.span.quote, hint))
        return Broken(node.span)

    def want(self, node: Node, wanted: Type, role: str) -> Node:
        """The checked node; a fault when it is of another type than `wanted`."""
        typed = self.check(node)
        if typed.type in (wanted, Type.UNKNOWN):
            return typed
        return self.fault(node, f"a {wanted} {role}, not a {typed.type}", _turn(typed.type, wanted))

    def check(self, node: Node) -> Node:
        match node:
            case Constant() | Broken():
                return node
            case InList():
                return self.in_list(node)
            case Name():
                return self.name(node)
            case Negative():
                return dataclasses.replace(node, item=self.want(node.item, Type.NUMBER, "behind -"))
            case Power():
                return dataclasses.replace(node, base=self.want(node.base, Type.NUMBER, "before **"))
            case Arithmetic():
                return self.arithmetic(node)
            case Not():
                return dataclasses.replace(node, item=self.want(node.item, Type.BOOLEAN, "behind `not`"))
            case Logic():
                role = f"beside `{node.operator}`"
                items = tuple(self.want(item, Type.BOOLEAN, role) for item in node.items)
                return dataclasses.replace(node, items=items)
            case Compare():
                return self.compare(node)
            case Member():
                wanted = Type.TEXT if isinstance(node.choices[0], str) else Type.NUMBER
                return dataclasses.replace(
                    node, item=self.want(node.item, wanted, "before `in`, as its choices are")
                )
            case Missing():
                return dataclasses.replace(node, item=self.check(node.item))
            case Choose():
                return self.choose(node)
            case Call():
                return self.call(node)
            case _:
                return self.fault(node, "a form of the language")

    def name(self, node: Name) -> Node:
        known = self.types.get(node.name)
        if known is not None:
            return dataclasses.replace(node, type=known)
        hint = nearest(node.name, self.types) if len(self.faults) < MAX_HINTS else ""
        if node.name in FUNCTIONS:
            hint = f"{node.name} is a function: {FUNCTIONS[node.name].signature}"
        elif node.name.lower() in ("true", "false"):
            hint = f"write {node.name.capitalize()}"
        elif node.name.lower() in ("null", "none", "nil", "nan"):
            hint = "write `is None` or `is not None`"
        return self.fault(node, "a name that is known here", hint)

    def in_list(self, node: InList) -> Node:
        if self.lists is None:
            fault = Fault(node.place.where, "no list here", node.place.quote, "lists can be asked in rules")
            self.faults.append(fault)
            return Broken(node.span)
        field = self.want(node.field, Type.TEXT, "before `in @list`")
        fields = self.lists.get(node.list)
        if fields is None:
            hint = nearest(node.list, self.lists) if len(self.faults) < MAX_HINTS else ""
            fault = Fault(node.place.where, "a list that is declared", node.place.quote, hint)
            self.faults.append(fault)
            return Broken(node.span)
        if field.type is Type.TEXT and node.field.name not in fields:
            held = " and ".join(fields)
            hint = f"declare it as `of: [{', '.join((*fields, node.field.name))}]`"
            return self.fault(node.field, f"a field that @{node.list} holds: {held}", hint)
        return node if field.type is Type.TEXT else Broken(node.span)

    def arithmetic(self, node: Arithmetic) -> Node:
        left, right = self.check(node.left), self.check(node.right)
        if node.operator == "-" and left.type is right.type is Type.TIME:
            return dataclasses.replace(node, left=left, right=right)
        for side in (left, right):
            if side.type not in (Type.NUMBER, Type.UNKNOWN):
                hint = "of times only the difference can be taken" if side.type is Type.TIME else ""
                hint = hint or _turn(side.type, Type.NUMBER)
                self.fault(side, f"a number beside {node.operator}, not a {side.type}", hint)
        return dataclasses.replace(node, left=left, right=right)

    def compare(self, node: Compare) -> Node:
        operands = tuple(self.check(operand) for operand in node.operands)
        for left, operator, right in zip(operands, node.operators, operands[1:], strict=False):
            if Type.UNKNOWN in (left.type, right.type):
                continue
            if left.type is not right.type:
                hint = _turn(right.type, left.type)
                self.fault(right, f"a {left.type} to compare with, not a {right.type}", hint)
            elif operator not in ("==", "!=") and not left.type.is_numeric:
                self.fault(
                    left, f"numbers or times beside {operator}", f"a {left.type} can be compared by == and !="
                )
        return dataclasses.replace(node, operands=operands)

    def choose(self, node: Choose) -> Node:
        condition = self.want(node.condition, Type.BOOLEAN, "behind `if`")
        yes, no = self.check(node.yes), self.check(node.no)
        if Type.UNKNOWN not in (yes.type, no.type) and yes.type is not no.type:
            return self.fault(no, f"a {yes.type} behind `else` as before `if`, not a {no.type}")
        kind = no.type if yes.type is Type.UNKNOWN else yes.type
        return dataclasses.replace(node, condition=condition, yes=yes, no=no, type=kind)

    def call(self, node: Call) -> Node:
        function = FUNCTIONS.get(node.function)
        if function is None:
            for argument in node.arguments:
                self.check(argument)
            return self.fault(
                node, f"a function that exists, not {node.function!r}", nearest(node.function, FUNCTIONS)
            )
        wanted = function.parameters
        count = len(node.arguments)
        if count < len(wanted) - function.optional or (count > len(wanted) and not function.repeats):
            self.fault(node, f"as many arguments as {function.signature}")
        kinds = [*wanted, *wanted[-1:] * count]
        arguments: list[Node] = []
        for at, argument in enumerate(node.arguments):
            kind = _common(arguments) if kinds[at] is Type.UNKNOWN else kinds[at]
            role = f"as argument {at + 1} of {function.name}"
            arguments.append(
                self.check(argument) if kind is Type.UNKNOWN else self.want(argument, kind, role)
            )
        self.literal(function, arguments)
        result = _common(arguments) if function.result is Type.UNKNOWN else function.result
        return dataclasses.replace(node, arguments=tuple(arguments), type=result)

    def literal(self, function: Function, arguments: Sequence[Node]) -> None:
        if not function.literal or len(arguments) < len(function.parameters):
            return
        last = arguments[len(function.parameters) - 1]
        if not isinstance(last, Broken) and not (isinstance(last, Constant) and last.value in range(16)):
            self.fault(last, "a whole number from 0 to 15, written out")


def _common(arguments: Sequence[Node]) -> Type:
    return next((argument.type for argument in arguments if argument.type is not Type.UNKNOWN), Type.UNKNOWN)


def _turn(came: Type, wanted: Type) -> str:
    """How one type is usually made of another."""
    if wanted is Type.BOOLEAN and came is Type.NUMBER:
        return "compare it with a number, as in `x > 0`"
    if wanted is Type.BOOLEAN and came is Type.TEXT:
        return "compare it with a text, as in `x == 'a'`"
    if wanted is Type.NUMBER and came is Type.BOOLEAN:
        return "write `(1 if x else 0)`"
    if wanted is Type.NUMBER and came is Type.TIME:
        return "use hour(x) or weekday(x), or take the difference of two times"
    return ""
