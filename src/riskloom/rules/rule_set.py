"""Rules: expressions with a reason code, a severity, an action, and the evidence that backs them.

A rule speaks about one event: its fields, its features and the model's risk score. It holds no code of its
author's: expressions are the language of `riskloom.expression`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from riskloom.domain.decision import Limit
from riskloom.expression.check import Expression
from riskloom.expression.columns import compile_columns
from riskloom.expression.row import Row, compile_met, compile_row


class Severity(StrEnum):
    """How serious a reason is to a person."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Action(StrEnum):
    """What a met rule asks for; the policy says in which order they count."""

    WATCH = "watch"  # a reason beside others; decides nothing
    FLAG = "flag"
    APPROVE = "approve"  # overrides flags and the model
    REJECT = "reject"
    ALLOW = "allow"  # of allow lists alone
    DENY = "deny"  # of deny lists alone


WRITTEN = (Action.WATCH, Action.FLAG, Action.APPROVE, Action.REJECT)
"""What a rule file may ask for."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    `message` is the sentence a person reads; `{name}` in it is replaced by the value of that name at the
    time, and `{value}` and `{usual}` by the values of those expressions
    where the rule has them. `evidence` names the window feature
    whose events stand behind the reason. `name` is what people call it (its code where it has no other),
    `owner` who answers for it.
    """

    code: str
    when: Expression
    severity: Severity
    action: Action
    message: str
    value: Expression | None = None
    usual: Expression | None = None
    evidence: str = ""
    name: str = ""
    owner: str = ""
    limit: Limit | None = None
    """How many actions it may take, beyond which it falls to shadow."""

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names the message quotes, in order, each once."""
        quoted = dict.fromkeys(match[1] for match in PLACEHOLDER.finditer(self.message))
        return tuple(name for name in quoted if name != BASE_CURRENCY)


BASE_CURRENCY = "base_currency"
"""The placeholder for the scenario's base currency."""

PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::([a-z]+))?\}")
"""`{name}`, or `{name:percent}` and `{name:clock}` for shares and hours of the day."""

FORMATS = ("percent", "clock")


_Detail = tuple[tuple[str, ...], Row, tuple[tuple[str, int], ...]]
"""Names of a rule's expressions, the function that gives their values, and the names its message quotes, each
with its position among the inputs."""


class RuleSet:
    """Rules compiled together.

    Parameters
    ----------
    rules
        In the order reasons are given.
    inputs
        The names an expression may use, in the order their values are handed over.
    """

    def __init__(self, rules: Sequence[Rule], inputs: Sequence[str]) -> None:
        self.rules = tuple(rules)
        self.inputs = tuple(inputs)
        self._keys = tuple(f"rule {at}" for at in range(len(self.rules)))  # no name of a field has a space
        conditions = dict(zip(self._keys, (rule.when for rule in self.rules), strict=True))
        self.evaluate_one = compile_met([rule.when for rule in self.rules], self.inputs)
        """Positions of the rules that are met, for one event whose values are aligned to `inputs`."""
        self._columns = compile_columns(conditions, self.inputs)
        self._details: tuple[_Detail, ...] = tuple(self._detail(rule) for rule in self.rules)

    def evaluate_many(self, columns: Mapping[str, npt.NDArray[np.generic]]) -> npt.NDArray[np.bool_]:
        """Which rules are met, for many events: bool of shape (events, rules); the same as one by one."""
        met = self._columns(columns)
        if not self.rules:
            count = len(next(iter(columns.values()))) if columns else 0
            return np.zeros((count, 0), np.bool_)
        return np.column_stack([np.asarray(met[key]) == 1 for key in self._keys])

    def values_one(self, at: int, row: Sequence[object]) -> dict[str, object]:
        """The values that back the rule at position `at`: value, usual, and what its message quotes."""
        names, evaluate, quoted = self._details[at]
        values = dict(zip(names, evaluate(row), strict=True))
        for name, position in quoted:
            values[name] = row[position]
        for name, value in values.items():
            if value != value:
                values[name] = None  # as JSON can hold it
        return values

    def _detail(self, rule: Rule) -> _Detail:
        given = {"value": rule.value, "usual": rule.usual}
        named = {name: expression for name, expression in given.items() if expression is not None}
        positions = {name: at for at, name in enumerate(self.inputs)}
        quoted = tuple((name, positions[name]) for name in rule.placeholders if name not in named)
        own = {f"its {name}": expression for name, expression in named.items()}  # a field may be a value
        return tuple(named), compile_row(own, self.inputs), quoted
