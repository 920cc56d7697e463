"""The tree an expression is read into: frozen values with their place in the text and, once checked, a
type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from riskloom.errors import show


class Type(StrEnum):
    """What an expression's value is, and how it is held."""

    NUMBER = "number"  # float; NaN is missing
    BOOLEAN = "boolean"  # True, False; None is missing
    TEXT = "text"  # str; None is missing
    TIME = "time"  # float, microseconds since 1970-01-01 UTC; NaN is missing
    UNKNOWN = "unknown"  # not checked yet, or not to be judged because of a fault inside

    @property
    def is_numeric(self) -> bool:
        """Whether values are floats whose NaN is missing: numbers and times."""
        return self in (Type.NUMBER, Type.TIME)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of an expression's text."""

    text: str
    start: int
    end: int

    @property
    def where(self) -> str:
        """The place as errors name it: the first character of the text is column 1."""
        return f"column {self.start + 1}"

    @property
    def quote(self) -> str:
        """The stretch as errors quote it, inside the whole text where that is short."""
        part = show(self.text[self.start : self.end])
        if self.end - self.start >= len(self.text.strip()) or len(self.text) > 120:
            return part
        return f"{part} in {show(self.text, 124)}"


@dataclass(frozen=True, slots=True)
class Node:
    """One node; every subclass adds what it is made of."""

    span: Span
    type: Type = field(default=Type.UNKNOWN, kw_only=True)


@dataclass(frozen=True, slots=True)
class Broken(Node):
    """Stands where the text had a fault, so that the rest can still be looked at."""


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A number (float), text or boolean written in the expression."""

    value: float | str | bool


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A field, feature, or an earlier expression."""

    name: str


@dataclass(frozen=True, slots=True)
class InList(Name):
    """`field in @list`: a boolean input of its own, named as it is written, filled in before evaluation.

    To both compilers it is a name like any other; missing where the field is.
    """

    field: Name
    list: str
    place: Span
    """Where `@list` stands."""


@dataclass(frozen=True, slots=True)
class Negative(Node):
    """`-item`."""

    item: Node


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """`left operator right` for + - * / // %; the difference of two times is a number of seconds."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Power(Node):
    """`base ** exponent`, the exponent written as a number."""

    base: Node
    exponent: float


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """`a < b <= c`: one operator between each two neighbouring operands."""

    operands: tuple[Node, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Not(Node):
    """`not item`."""

    item: Node


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """`a and b and c` or `a or b or c`."""

    operator: str
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`item in (...)` or, negated, `item not in (...)`: all numbers or all texts, in the order written."""

    item: Node
    choices: tuple[float, ...] | tuple[str, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Missing(Node):
    """`item is None` or, negated, `item is not None`."""

    item: Node
    negated: bool


@dataclass(frozen=True, slots=True)
class Choose(Node):
    """`yes if condition else no`."""

    condition: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`function(arguments)` of the table in `functions.py`."""

    function: str
    arguments: tuple[Node, ...]


def membership(field: str, name: str) -> str:
    """The name of the input that says whether a field's value is on a list; no field has a space in its name.

    >>> membership("user_id", "trusted")
    'user_id in @trusted'
    """
    return f"{field} in @{name}"


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly inside one, from left to right as they are written in the tree."""
    match node:
        case Negative(item=item) | Not(item=item) | Member(item=item) | Missing(item=item):
            return (item,)
        case Power(base=base):
            return (base,)
        case Arithmetic(left=left, right=right):
            return (left, right)
        case Compare(operands=inside) | Logic(items=inside) | Call(arguments=inside):
            return inside
        case Choose(condition=condition, yes=yes, no=no):
            return (condition, yes, no)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """A node and everything inside it."""
    yield node
    for child in children(node):
        yield from walk(child)
