"""Conditions of a proposed rule, and a rule as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Condition:
    """`name >= bound`, with a text `name == bound`, with True `name` (with the sign != `not name`)."""

    name: str
    sign: str
    bound: float | str | bool

    @property
    def is_numeric(self) -> bool:
        """Whether it is a bound on a number."""
        return self.sign not in ("==", "!=")

    def __str__(self) -> str:
        if self.bound is True:
            return self.name if self.sign == "==" else f"not {self.name}"
        is_plain = isinstance(self.bound, str) and not {"'", "\\"} & {*self.bound}
        bound = f"'{self.bound}'" if is_plain else _quoted(self.bound)
        return f"{self.name} {self.sign} {bound}"


def tightest(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """Of several bounds on the same side of a feature only the narrowest; `!=` goes where `==` stands."""
    kept: dict[tuple[str, str], Condition] = {}
    for one in conditions:
        key = (one.name, one.sign if one.is_numeric else f"{one.sign}{one.bound}")
        held = kept.get(key, one)
        narrower = max if one.sign in (">", ">=") else min
        kept[key] = narrower((one, held), key=lambda each: each.bound) if one.is_numeric else one
    equal = {one.name for one in kept.values() if one.sign == "=="}
    return tuple(one for one in kept.values() if one.sign != "!=" or one.name not in equal)


def inside(one: Condition, conditions: Sequence[Condition]) -> float | str | bool:
    """A value that meets every condition on its name."""
    if not one.is_numeric:
        return one.bound
    low = [float(each.bound) for each in conditions if each.name == one.name and each.sign in (">", ">=")]
    high = [float(each.bound) for each in conditions if each.name == one.name and each.sign == "<="]
    if high and low:
        return (high[0] + low[0]) / 2 if high[0] > low[0] else high[0]
    if high:
        return high[0]
    return low[0] if one.sign == ">=" else low[0] + max(1.0, abs(low[0]))


def as_yaml(spec: dict[str, Any]) -> str:
    """A rule as text for a rules file."""
    lines = [
        f"{'  ' if at else '- '}{key}: {_quoted(value) if key in ('when', 'message') else value}"
        for at, (key, value) in enumerate(spec.items())
        if key != "examples"
    ]
    lines.append("  examples:")
    for example in spec["examples"]:
        ((kind, values),) = example.items()
        held = ", ".join(f"{name}: {_quoted(value)}" for name, value in values.items())
        lines.append(f"    - {kind}: {{{held}}}")
    return "\n".join(lines) + "\n"


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else f"{value:.12g}"
