"""Constraints on parameters as data: what a user may set, checked before anything is built from it.

A kind (a detector, an adapter, a notifier) lists its parameters as `Constraint`s. From that list come the
checks, the defaults and the reference page; no kind writes checks of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

from riskloom.errors import Fault, ParameterInvalid, nearest, show

Value = int | float | bool | str
Type = Literal["integer", "number", "boolean", "text"]

_ARTICLES: dict[Type, str] = {
    "integer": "an integer",
    "number": "a finite number",
    "boolean": "true or false",
    "text": "a text",
}


@dataclass(frozen=True, slots=True)
class Constraint:
    """One parameter: its name, type, default, what it means, and the values it may have.

    `minimum` and `maximum` are allowed values themselves, `above` is not; they apply to integers and numbers.
    `choices`, when given, are the only values.

    >>> str(Constraint("trees", "integer", 200, "How many trees.", minimum=1, maximum=2000))
    'an integer from 1 to 2000'
    """

    name: str
    type: Type
    default: Value
    description: str
    minimum: int | float | None = None
    maximum: int | float | None = None
    above: int | float | None = None
    choices: tuple[Value, ...] = ()

    def __str__(self) -> str:
        if self.choices:
            return "one of " + ", ".join(repr(choice) for choice in self.choices)
        words = [_ARTICLES[self.type]]
        if self.above is not None:
            words.append(f"above {self.above}")
        if self.minimum is not None:
            words.append(f"from {self.minimum}")
        if self.maximum is not None:
            words.append(f"to {self.maximum}" if self.minimum is not None else f"up to {self.maximum}")
        return " ".join(words)

    def read(self, value: object) -> Value:
        """The value in this parameter's own Python type.

        Raises
        ------
        ValueError
            When the value has another type or lies outside the range; its text is the hint, often empty.
        """
        typed = self._typed(value)
        if self.choices:
            if typed not in self.choices:
                raise ValueError(nearest(typed, map(str, self.choices)) if isinstance(typed, str) else "")
        elif isinstance(typed, int | float) and not isinstance(typed, bool) and not self._holds(typed):
            raise ValueError("")
        return typed

    def _typed(self, value: object) -> Value:
        match self.type, value:
            case "boolean", bool(truth):
                return truth
            case "text", str(text):
                return text
            case _, bool():
                raise ValueError("")
            case "integer", Integral():
                return int(value)
            case "number", Real():
                return _finite(value)
            case "integer", float() if value.is_integer():
                raise ValueError(f"write {int(value)}")
            case "integer" | "number", str() if _reads_as_number(value):
                raise ValueError("remove the quotes")
        raise ValueError("")

    def _holds(self, value: int | float) -> bool:
        return (
            (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.above is None or value > self.above)
        )


def _finite(value: Real) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("") from None
    if not math.isfinite(number):
        raise ValueError("")
    return number


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def defaults(constraints: Sequence[Constraint]) -> dict[str, Value]:
    """Each parameter at its default, in the order they are declared."""
    return {constraint.name: constraint.default for constraint in constraints}


def validate(given: object, constraints: Sequence[Constraint], *, where: str = "") -> dict[str, Value]:
    """Every parameter with its checked value or its default, in the order they are declared.

    Parameters
    ----------
    given
        A mapping of what the user set; None stands for an empty one.
    where
        Where it was set ("detectors[0].parameters"), put before the name in each fault.

    Raises
    ------
    ParameterInvalid
        With every fault: unknown names (and the nearest known), wrong types, values out of range.

    >>> validate({"trees": 100}, [Constraint("trees", "integer", 200, "How many trees.", minimum=1)])
    {'trees': 100}
    """
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise ParameterInvalid(Fault(where or "parameters", "names and values", show(given)))
    values = defaults(constraints)
    known = {constraint.name: constraint for constraint in constraints}
    faults: list[Fault] = []
    for name, value in given.items():
        place = f"{where}.{name}" if where else str(name)
        if name not in known:
            expected = f"one of {', '.join(known)}" if known else "no parameter at all"
            faults.append(Fault(place, expected, show(name), nearest(str(name), known)))
            continue
        try:
            values[name] = known[name].read(value)
        except ValueError as refused:
            faults.append(Fault(place, str(known[name]), show(value), str(refused)))
    if faults:
        raise ParameterInvalid(faults)
    return values
