"""The functions of the language: one table, read by the checker, both compilers and the documentation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from riskloom.expression import column_functions as many
from riskloom.expression import row_functions as one
from riskloom.expression.column_functions import Array
from riskloom.expression.tree import Type


@dataclass(frozen=True, slots=True)
class Function:
    """One function: what it takes and gives, how it is computed for one and for many."""

    name: str
    parameters: tuple[Type, ...]
    """Types of the arguments; UNKNOWN is any type, the same for all of them."""
    result: Type
    """Type of the result; UNKNOWN is that of the arguments."""
    row: Callable[..., Any]
    columns: Callable[..., Array]
    doc: str
    repeats: bool = False
    """Whether the last parameter may be given more than once."""
    optional: int = 0
    """How many of the last parameters may be left out."""
    zoned: bool = False
    """Whether the implementations take the time zone before the arguments."""
    literal: bool = False
    """Whether the last parameter has to be written as a whole number from 0 to 15."""

    @property
    def signature(self) -> str:
        """How it is written, as in `round(number, [number])`."""
        shown = ["any" if kind is Type.UNKNOWN else kind.value for kind in self.parameters]
        for at in range(len(shown) - self.optional, len(shown)):
            shown[at] = f"[{shown[at]}]"
        return f"{self.name}({', '.join([*shown, '...'] if self.repeats else shown)})"


_ANY, _NUMBER, _BOOLEAN, _TEXT, _TIME = Type.UNKNOWN, Type.NUMBER, Type.BOOLEAN, Type.TEXT, Type.TIME
_TWO, _TEXTS = (_NUMBER, _NUMBER), (_TEXT, _TEXT)

_TABLE = (
    Function("abs", (_NUMBER,), _NUMBER, abs, np.abs, "The value without its sign."),
    Function("min", _TWO, _NUMBER, one.least, many.least, "The least of all.", repeats=True),
    Function("max", _TWO, _NUMBER, one.greatest, many.greatest, "The greatest of all.", repeats=True),
    Function(
        "clamp", (_NUMBER, *_TWO), _NUMBER, one.clamp, many.clamp,
        "The first, but not below the second and not above the third.",
    ),
    Function(
        "round", _TWO, _NUMBER, one.rounded, many.rounded,
        "Rounded to a written count of decimals, 0 to 15, or none; a half goes to the even neighbour.",
        optional=1, literal=True,
    ),
    Function("floor", (_NUMBER,), _NUMBER, one.floor, many.floor, "The next whole number below."),
    Function("ceil", (_NUMBER,), _NUMBER, one.ceil, many.ceil, "The next whole number above."),
    Function("sqrt", (_NUMBER,), _NUMBER, one.sqrt, many.sqrt, "The square root; missing below 0."),
    Function(
        "log", (_NUMBER,), _NUMBER, one.log, many.each(one.log),
        "The natural logarithm; missing at and below 0.",
    ),
    Function(
        "log1p", (_NUMBER,), _NUMBER, one.log1p, many.each(one.log1p),
        "The natural logarithm of 1 + x, exact near 0; missing at and below -1.",
    ),
    Function(
        "exp", (_NUMBER,), _NUMBER, one.exp, many.each(one.exp),
        "e to the power of x; missing on overflow.",
    ),
    Function(
        "coalesce", (_ANY, _ANY), _ANY, one.coalesce, many.coalesce,
        "The first that is not missing.", repeats=True,
    ),
    Function(
        "hour", (_TIME,), _NUMBER, one.hour, many.hour,
        "The hour, 0 to 23, in the declared time zone.", zoned=True,
    ),
    Function(
        "weekday", (_TIME,), _NUMBER, one.weekday, many.weekday,
        "The day of the week, 0 (Monday) to 6, in the declared time zone.", zoned=True,
    ),
    Function(
        "is_weekend", (_TIME,), _BOOLEAN, one.is_weekend, many.is_weekend,
        "Whether it is Saturday or Sunday in the declared time zone.", zoned=True,
    ),
    Function("lower", (_TEXT,), _TEXT, one.lower, many.each_text(one.lower), "The text in small letters."),
    Function("upper", (_TEXT,), _TEXT, one.upper, many.each_text(one.upper), "The text in capital letters."),
    Function(
        "text", (_NUMBER,), _TEXT, one.text, many.each_text(one.text),
        "The number in digits; a whole one without a point.",
    ),
    Function(
        "join", _TEXTS, _TEXT, one.join, many.join,
        "The texts with a bar between them, a key of what they are together; missing when one is.",
        repeats=True,
    ),
    Function("len", (_TEXT,), _NUMBER, one.length, many.each(one.length), "How many characters it has."),
    Function(
        "code", (_TEXT,), _NUMBER, one.code, many.each(one.code),
        "A number that stands for the text, for detectors that learn categories; two texts share one "
        "about once in 2**52.",
    ),
    Function(
        "starts_with", _TEXTS, _BOOLEAN, one.starts_with, many.each_pair(one.starts_with),
        "Whether the first begins with the second.",
    ),
    Function(
        "ends_with", _TEXTS, _BOOLEAN, one.ends_with, many.each_pair(one.ends_with),
        "Whether the first ends with the second.",
    ),
    Function(
        "contains", _TEXTS, _BOOLEAN, one.contains, many.each_pair(one.contains),
        "Whether the second is somewhere in the first.",
    ),
)  # fmt: skip

FUNCTIONS = {function.name: function for function in _TABLE}
"""The table by name."""


def reference() -> str:
    """The table as Markdown, as it stands in docs/expressions.md."""
    lines = ["| function | gives | what |", "|---|---|---|"]
    for function in _TABLE:
        result = "as given" if function.result is _ANY else function.result.value
        lines.append(f"| `{function.signature}` | {result} | {function.doc} |")
    return "\n".join(lines) + "\n"
