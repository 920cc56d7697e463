"""Writes Python for typed trees. Every name in it is made here, texts are bound as constants and never
written out.

How missing values are kept out of the way of speed: a condition is not computed in three values. `truth(e,
True)` is code for "e is true", `truth(e, False)` for "e is false", each two-valued: `not` is pushed down to
the comparisons, where "a > b is false" is `a <= b`, and a NaN makes both untrue. A number is "wild" while it
may be infinite: + - * and the upper side of / keep what is not finite not finite, so the check waits until a
comparison, function, divisor or result would look at the value. No code is written twice, whatever is asked
of a node: its length grows with the tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from riskloom.expression.functions import FUNCTIONS
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

_ATOM = re.compile(r"[a-zN]\d*|True|False|-?[0-9.]+(e[+-]?\d+)?")
"""Code that costs nothing to write twice: a name or a number."""
_INVERSE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


class Writer:
    """Writes code for typed nodes. Each method gives one expression that may stand in parentheses
    anywhere."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        """The local variable of each input and earlier expression."""
        self.bound: dict[str, object] = {"N": NAN}
        self.zone_name = "UTC"
        self.made: dict[tuple[str, object], str] = {}
        self.temporaries = 0

    def bind(self, letter: str, key: object, value: object) -> str:
        """The constant name of a value, the same for the same key."""
        name = self.made.get((letter, key))
        if name is None:
            name = self.made[letter, key] = f"{letter}{len(self.made)}"
            self.bound[name] = value
        return name

    def keep(self, code: str) -> tuple[str, str]:
        """Code for the first use of a value and for the later ones."""
        if _ATOM.fullmatch(code):
            return code, code
        name = f"t{self.temporaries}"
        self.temporaries += 1
        return f"({name} := {code})", name

    def value(self, node: Node) -> str:
        """Code for a node's value: a finite float or the NaN, a str or None, True, False or None."""
        if node.type.is_numeric:
            code, wild = self.number(node)
            return self.tame(code) if wild else code
        return self.text(node) if node.type is Type.TEXT else self.boolean(node)

    def tame(self, code: str) -> str:
        """A number that may be infinite made finite or missing."""
        first, later = self.keep(code)
        return f"({later} if {first} - {later} == 0.0 else N)"

    def number(self, node: Node) -> tuple[str, bool]:
        """Code for a number, and whether it may be infinite (or a NaN with other bits)."""
        match node:
            case Constant(value=value):
                return repr(value), False
            case Name(name=name):
                return self.names[name], False
            case Negative(item=item):
                return f"(-{self.number(item)[0]})", True
            case Arithmetic():
                return self.arithmetic(node), True
            case Power(base=base, exponent=exponent):
                if exponent == 2.0:
                    first, later = self.keep(self.number(base)[0])
                    return f"({first} * {later})", True
                return f"{self.bind('f', 'power', power)}({self.value(base)}, {exponent!r})", False
            case Choose(condition=condition, yes=yes, no=no):
                (one, wild), (other, also) = self.number(yes), self.number(no)
                return f"({one} if {self.truth(condition)} else {other})", wild or also
            case _:
                return self.call(node), False

    def arithmetic(self, node: Arithmetic) -> str:
        if node.left.type is Type.TIME:
            return f"(({self.number(node.left)[0]} - {self.number(node.right)[0]}) / 1000000.0)"
        if node.operator in ("+", "-", "*"):
            return f"({self.number(node.left)[0]} {node.operator} {self.number(node.right)[0]})"
        left = self.number(node.left)[0] if node.operator == "/" else self.value(node.left)
        first, later = self.keep(self.value(node.right))
        return f"({left} {node.operator} {later} if {first} else N)"

    def text(self, node: Node) -> str:
        match node:
            case Constant(value=value):
                return self.bind("k", value, value)
            case Name(name=name):
                return self.names[name]
            case Choose(condition=condition, yes=yes, no=no):
                return f"({self.text(yes)} if {self.truth(condition)} else {self.text(no)})"
            case _:
                return self.call(node)

    def call(self, node: Node) -> str:
        if not isinstance(node, Call):
            raise TypeError(f"no code for {type(node).__name__}")
        function = FUNCTIONS[node.function]
        arguments = [self.value(argument) for argument in node.arguments]
        if function.zoned:
            arguments.insert(0, self.bind("z", self.zone_name, zone(self.zone_name)))
        return f"{self.bind('f', function.name, function.row)}({', '.join(arguments)})"

    def boolean(self, node: Node) -> str:
        """Code for True, False or None."""
        match node:
            case Constant(value=value):
                return repr(value)
            case Name(name=name) if self.names[name][0] == "e":
                return self.names[name]
            case Not(item=item):
                first, later = self.keep(self.boolean(item))
                return f"(None if {first} is None else not {later})"
            case Logic(operator=operator, items=items):
                return self.logic(operator, items)
            case Member(item=item, negated=negated):
                first, later = self.keep(self.value(item))
                known = f"{first} == {later}" if item.type.is_numeric else f"{first} is not None"
                return f"({later} {'not in' if negated else 'in'} {self.choices(node)} if {known} else None)"
            case Missing():
                return f"({self.truth(node)})"
            case Choose(condition=condition, yes=yes, no=no):
                return f"({self.boolean(yes)} if {self.truth(condition)} else {self.boolean(no)})"
            case Call():
                return self.call(node)
            case Compare():
                atoms = self.operands(node)
                false = self.links(node, atoms, False)
                return f"(False if {false} else True if {self.links(node, _later(atoms), True)} else None)"
            case _:
                return f"(True if {self.truth(node)} else False if {self.truth(node, False)} else None)"

    def logic(self, operator: str, items: Sequence[Node]) -> str:
        atoms = [self.keep(self.boolean(item)) for item in items]
        ends = operator == "or"
        decided = " or ".join(f"{first} is {ends}" for first, _ in atoms)
        unknown = " or ".join(f"{later} is None" for _, later in atoms)
        return f"({ends} if {decided} else None if {unknown} else {not ends})"

    def met(self, node: Node) -> str:
        """Code for True when a condition is met, False when it is not."""
        code = self.truth(node)
        made = isinstance(node, Compare | Member | Missing) or code in ("True", "False")
        return code if made else f"True if {code} else False"

    def truth(self, node: Node, wanted: bool = True) -> str:
        """Code that counts as true exactly when a boolean node is `wanted`; else it may be False or None."""
        match node:
            case Constant(value=value):
                return repr(value is wanted)
            case Name(name=name):
                own = self.names[name]
                return f"{own} == {int(wanted)}" if own[0] == "x" else f"{own} is {wanted}"
            case Not(item=item):
                return self.truth(item, not wanted)
            case Logic(operator=operator, items=items):
                word = " and " if (operator == "and") is wanted else " or "
                return f"({word.join(self.truth(item, wanted) for item in items)})"
            case Choose(condition=condition, yes=yes, no=no):
                return f"({self.truth(yes, wanted)} if {self.truth(condition)} else {self.truth(no, wanted)})"
            case Compare():
                return f"({self.links(node, self.operands(node), wanted)})"
            case Member(item=item, negated=negated):
                return self.member(node, item, wanted is not negated)
            case Missing(item=item, negated=negated):
                return self.missing(item, wanted is not negated)
            case _:
                return f"{self.call(node)} is {wanted}"

    def operands(self, node: Compare) -> list[tuple[str, str]]:
        return [self.keep(self.value(operand)) for operand in node.operands]

    def links(self, node: Compare, atoms: Sequence[tuple[str, str]], wanted: bool) -> str:
        """A chain of comparisons, true when all links hold, false when one is false."""
        links = []
        for at, operator in enumerate(node.operators):
            (left, again), (right, twice) = atoms[at], atoms[at + 1]
            left = left if at == 0 else again
            pair = (node.operands[at], again), (node.operands[at + 1], twice)
            sign = operator if wanted else _INVERSE[operator]
            if node.operands[at].type.is_numeric:
                also = f" or {again} > {twice}" if sign == "!=" else ""
                links.append(f"({left} < {right}{also})" if also else f"{left} {sign} {right}")
            else:
                known = "".join(f" and {n} is not None" for o, n in pair if not isinstance(o, Constant))
                links.append(f"({left} {sign} {right}{known})")
        return (" and " if wanted else " or ").join(links)

    def choices(self, node: Member) -> str:
        return self.bind("k", node.choices, frozenset(node.choices))

    def member(self, node: Member, item: Node, inside: bool) -> str:
        first, later = self.keep(self.value(item))
        if inside:
            return f"({first} in {self.choices(node)})"
        known = f"{first} == {later}" if item.type.is_numeric else f"{first} is not None"
        return f"({known} and {later} not in {self.choices(node)})"

    def missing(self, item: Node, absent: bool) -> str:
        first, later = self.keep(self.value(item))
        if item.type.is_numeric:
            return f"({first} {'!=' if absent else '=='} {later})"
        return f"({first} {'is' if absent else 'is not'} None)"


def _later(atoms: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(later, later) for _, later in atoms]
