"""The heart: from a checked event to a decision, the same function live, in a batch and in a notebook.

`score_one` looks, scores, evaluates the rules and decides; `advance_one` takes the event into the state.
Nothing here reads a clock, a disk or a setting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.bundle import Bundle
from riskloom.domain.decision import MODEL_REASON, Decision, Outcome, Reason
from riskloom.domain.event import Event, Value
from riskloom.domain.field import NULL, Field, FieldType
from riskloom.expression.columns import compile_columns
from riskloom.expression.row import compile_row
from riskloom.features.state import WindowState
from riskloom.model import Model
from riskloom.policy.policy import Policy
from riskloom.privacy.protect import keyed
from riskloom.rules.rule_set import RuleSet, Severity
from riskloom.scenario.scenario import RISK_SCORE, Scenario

Vector = npt.NDArray[np.float64]
NAN = float("nan")
EVIDENCE_LIMIT = 50
STORED_LIMIT = 10_000
TOO_LATE = "too_late"
NO_MODEL = "no_model"


@dataclass(frozen=True, slots=True)
class Batch:
    """Decisions on many events, column by column, in arrival order.

    `met` is bool of shape (events, rules). Reasons with evidence are what `decisions` gives one by one.
    """

    vectors: Vector
    anomaly_scores: Vector | None
    risk_scores: Vector | None
    met: npt.NDArray[np.bool_]
    outcomes: list[Outcome]
    too_late: npt.NDArray[np.bool_]


class Pipeline:
    """One bundle at work over one state.

    Parameters
    ----------
    bundle
        What decides.
    state
        The windows; a fresh one when none is given. The pipeline is its only writer.
    """

    def __init__(self, bundle: Bundle, state: WindowState | None = None) -> None:
        self.scenario: Scenario = bundle.scenario
        scenario = self.scenario
        self.state = state if state is not None else fresh_state(scenario)
        self.personal = frozenset(field.name for field in scenario.fields if field.pii)
        self.feature_names = scenario.feature_names
        self._fields = scenario.all_fields
        self._converters = tuple((field.name, _converter(field)) for field in self._fields)
        self._derive = _Derive(scenario) if scenario.derived else None
        columns = tuple(field.name for field in self._fields)
        windows = tuple(window.name for window in scenario.windows)
        self._window_count = len(windows)
        self._window_at = {name: at for at, name in enumerate(windows)}
        written = {f.name: f.expression for f in scenario.features if f.expression is not None}
        self._written = tuple(written)
        self._row = compile_row(written, columns + windows)
        self._columns = compile_columns(written, columns + windows)
        self._vector = np.empty(len(self.feature_names))
        self.use(bundle)

    def use(self, bundle: Bundle) -> None:
        """Decide by another bundle from now on; its features must be the ones this state was built for."""
        self.bundle = bundle
        self.scenario = bundle.scenario
        self.policy: Policy = bundle.scenario.policy
        self.model: Model | None = bundle.model
        self.rules = RuleSet(bundle.scenario.rules, bundle.scenario.rule_inputs)
        self._evidence_at = tuple(self._window_at.get(rule.evidence, -1) for rule in self.rules.rules)

    def look_one(self, event: Event) -> tuple[Vector, list[object], bool]:
        """(feature vector, rule inputs, too late) of an event; changes nothing.

        The vector is a new array; the inputs are fields, derived columns and features, aligned to
        `Scenario.rule_inputs` without the risk score.
        """
        values = self.values_of(event)
        row = [convert(values[name]) for name, convert in self._converters]
        too_late = self.state.look_one(event.time_us, event.arrived_us, values, self._vector)
        vector = self._vector.copy()
        row += vector[: self._window_count].tolist()
        written = self._row(row)
        row += written
        vector[self._window_count :] = np.array(
            written, np.float64
        )  # an unknown condition, None, becomes NaN
        return vector, row, too_late

    def values_of(self, event: Event) -> Mapping[str, Value]:
        """What the state sees of an event: keys for personal fields, and the derived columns."""
        values = keyed(event.values, self.personal)
        return values if self._derive is None else {**values, **self._derive.one(values)}

    def score_one(self, event: Event, arrival: int) -> Decision:
        """Decide one event under its arrival number; changes nothing. `advance_one` then takes it in."""
        vector, row, too_late = self.look_one(event)
        return self._decide(event.id, arrival, vector, row, too_late, self._evidence_of_look)

    def advance_one(self, arrival: int) -> None:
        """Take the event of the last look into the state.

        Raises
        ------
        StateOverflow
            When a window sum would not fit; the state is unchanged.
        """
        self.state.advance_one(arrival)

    def score_stored(
        self, event: Event, arrival: int, vector: Vector, degraded: Sequence[str] = ()
    ) -> Decision:
        """Decide an event that was taken in before, from the vector frozen then.

        Its evidence is found among the events that arrived before it.
        """
        values = self.values_of(event)
        row: list[object] = [convert(values[name]) for name, convert in self._converters]
        row += vector.tolist()[: self._window_count]
        row += self._row(row)

        def evidence(at: int) -> tuple[int, ...]:
            self.state.look_one(event.time_us, event.arrived_us, values, self._vector)
            found = self.state.evidence_one(at, STORED_LIMIT)
            return tuple(number for number in found if number < arrival)[-EVIDENCE_LIMIT:]

        return self._decide(event.id, arrival, vector, row, TOO_LATE in degraded, evidence)

    def score_many(self, events: Sequence[Event], arrival: int) -> Batch:
        """Decide events in arrival order and take each in before the next, as one by one.

        Parameters
        ----------
        events
            In arrival order.
        arrival
            The arrival number of the first; the others follow.
        """
        vectors, columns, too_late = self.compute_many(events, arrival)
        anomaly_scores = risk_scores = None
        risks: list[float | None] = [None] * len(events)
        columns[RISK_SCORE] = np.full(len(events), NAN)
        if self.model is not None:
            anomaly_scores, risk_scores = self.model.score_many(vectors)
            columns[RISK_SCORE] = risk_scores
            risks = risk_scores.tolist()
        met = self.rules.evaluate_many(columns)
        actions = [rule.action.value for rule in self.rules.rules]
        outcomes = [
            self.policy.decide_one(risk, [action for action, hit in zip(actions, hits, strict=True) if hit])
            for risk, hits in zip(risks, met.tolist(), strict=True)
        ]
        return Batch(vectors, anomaly_scores, risk_scores, met, outcomes, too_late)

    def compute_many(
        self, events: Sequence[Event], arrival: int
    ) -> tuple[Vector, dict[str, npt.NDArray[Any]], npt.NDArray[np.bool_]]:
        """(vectors, expression columns, too late) of events in arrival order; the state takes them in."""
        count = len(events)
        seen = [self.values_of(event) for event in events]
        time_us = np.fromiter((event.time_us for event in events), np.int64, count)
        arrived_us = np.fromiter((event.arrived_us for event in events), np.int64, count)
        columns = {
            name: _column([values[name] for values in seen], field)
            for (name, _), field in zip(self._converters, self._fields, strict=True)
        }
        raw = {column.name: _raw_column(seen, column.name, column.kind) for column in self.scenario.columns}
        vectors = np.empty((count, len(self.feature_names)))
        windows = np.empty((count, self._window_count))
        arrivals = np.arange(arrival, arrival + count, dtype=np.int64)
        too_late = self.state.run_many(time_us, arrived_us, arrivals, raw, windows)
        vectors[:, : self._window_count] = windows
        for at, name in enumerate(self.feature_names[: self._window_count]):
            columns[name] = windows[:, at]
        written = self._columns(columns)
        for at, name in enumerate(self._written, self._window_count):
            columns[name] = written[name]
            vectors[:, at] = _as_numbers(written[name])
        return vectors, columns, too_late

    def advance_many(self, events: Sequence[Event], arrivals: npt.NDArray[np.int64]) -> None:
        """Take events into the state without looking; for recovery from the log."""
        count = len(events)
        seen = [self.values_of(event) for event in events]
        time_us = np.fromiter((event.time_us for event in events), np.int64, count)
        arrived_us = np.fromiter((event.arrived_us for event in events), np.int64, count)
        raw = {column.name: _raw_column(seen, column.name, column.kind) for column in self.scenario.columns}
        self.state.run_many(time_us, arrived_us, arrivals, raw, None)

    def _evidence_of_look(self, at: int) -> tuple[int, ...]:
        return tuple(self.state.evidence_one(at, EVIDENCE_LIMIT))

    def _decide(
        self,
        event_id: str,
        arrival: int,
        vector: Vector,
        row: list[object],
        too_late: bool,
        evidence: Callable[[int], tuple[int, ...]],
    ) -> Decision:
        anomaly_score = risk_score = None
        degraded: tuple[str, ...] = (TOO_LATE,) if too_late else ()
        if self.model is None:
            degraded = (*degraded, NO_MODEL)
            row.append(NAN)
        else:
            anomaly_score, risk_score = self.model.score_one(vector)
            row.append(risk_score)
        rules = self.rules.rules
        met = self.rules.evaluate_one(row)
        outcome = self.policy.decide_one(risk_score, [rules[at].action for at in met])
        reasons = [
            Reason(
                rules[at].code,
                rules[at].severity,
                self.rules.values_one(at, row),
                evidence(self._evidence_at[at]) if self._evidence_at[at] >= 0 else (),
            )
            for at in met
        ]
        if self.model is not None and self.policy.of_model(risk_score) is not Outcome.APPROVED:
            values = {"value": risk_score, "usual": self.policy.percentile, **self.model.unusual(vector)}
            reasons.append(Reason(MODEL_REASON, Severity.MEDIUM, values))
        return Decision(
            event_id,
            arrival,
            outcome,
            anomaly_score,
            risk_score,
            tuple(reasons),
            vector,
            self.bundle.fingerprint,
            degraded,
        )

    def decisions(self, events: Sequence[Event], arrival: int) -> Iterator[Decision]:
        """Decide events one by one, each with its reasons and evidence, and take each in."""
        for at, event in enumerate(events, arrival):
            decision = self.score_one(event, at)
            self.advance_one(at)
            yield decision


def fresh_state(scenario: Scenario) -> WindowState:
    """An empty state for the windows of a scenario."""
    return WindowState(scenario.windows, scenario.columns, scenario.max_lateness_us)


class _Derive:
    """Derived columns from an event's own fields, for one event."""

    def __init__(self, scenario: Scenario) -> None:
        written = {derived.field.name: derived.expression for derived in scenario.derived}
        read = frozenset[str]().union(*(expression.names for expression in written.values()))
        inputs = [field for field in scenario.fields if field.name in read]
        self._inputs = tuple((field.name, _converter(field)) for field in inputs)
        self._row = compile_row(written, tuple(name for name, _ in self._inputs))
        self._holders = tuple((derived.field.name, _holder(derived.field)) for derived in scenario.derived)

    def one(self, values: Mapping[str, Value]) -> dict[str, Value]:
        row = self._row([convert(values[name]) for name, convert in self._inputs])
        return {name: hold(value) for (name, hold), value in zip(self._holders, row, strict=True)}


def _holder(field: Field) -> Callable[[Any], Value]:
    """What makes of a derived value what is held inside; what does not fit is missing."""
    if field.type.is_text:
        return lambda value: None if value is None else str(value)
    scale = field.scale
    limit = 2**46 / scale

    def hold(value: float) -> int | None:
        return round(value * scale) if -limit < value < limit else None  # NaN is not between them

    return hold


def _converter(field: Field) -> Callable[[Any], object]:
    """From what is held inside to what expressions see: major units, missing numbers as NaN."""
    if field.type.is_text or field.type is FieldType.BOOLEAN:
        return _same
    if field.type is FieldType.CLOCK:
        return lambda value: NAN if value is None else value / 60
    scale = field.scale
    if scale == 1:
        return lambda value: NAN if value is None else float(value)
    return lambda value: NAN if value is None else value / scale


def _same(value: object) -> object:
    return value


def _column(values: list[Value], field: Field) -> npt.NDArray[Any]:
    """The column that expressions see; the same values as `_converter` gives one by one."""
    if field.type.is_text:
        column = np.empty(len(values), object)
        column[:] = values
        return column
    if field.type is FieldType.BOOLEAN:
        return np.array([-1 if value is None else int(value) for value in values], np.int8)
    scale = 60 if field.type is FieldType.CLOCK else field.scale
    numbers = np.array([NAN if value is None else value for value in values], np.float64)
    return numbers if scale == 1 else numbers / scale


def _raw_column(seen: Sequence[Mapping[str, Value]], name: str, kind: str) -> Any:
    if kind == "id":
        return [values[name] for values in seen]
    return np.array([NULL if (value := values[name]) is None else value for values in seen], np.int64)


def _as_numbers(column: npt.NDArray[Any]) -> Vector:
    """A written column as numbers; conditions (int8, -1 unknown) become 1, 0 and NaN."""
    if column.dtype == np.int8:
        return np.where(column < 0, NAN, column.astype(np.float64))
    return column
