"""The heart: from a checked event to a decision, the same function live, in a batch and in a notebook.

`score_one` looks, scores, evaluates the rules and decides; `advance_one` takes the event into the state.
Nothing here reads a clock, a disk or a setting.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.bundle import Bundle
from riskloom.deciding import Deciding, Verdicts
from riskloom.derived import (
    NAN,
    Derive,
    Held,
    Vector,
    as_numbers,
    held_column,
    raw_column,
    see_of,
    seen_column,
)
from riskloom.domain.columns import EventColumns
from riskloom.domain.decision import CONTROL_REASON, MODEL_REASON, Decision, Outcome, Reason
from riskloom.domain.event import Event, Value
from riskloom.expression.columns import compile_columns
from riskloom.expression.row import compile_row
from riskloom.features.state import Told, WindowState
from riskloom.membership import Memberships
from riskloom.model import ManyScores, Model
from riskloom.policy.judge import LATE, MODEL, OFF_MODEL
from riskloom.policy.policy import Policy
from riskloom.privacy.protect import keyed, keyed_column
from riskloom.rules.lists import Lists
from riskloom.rules.rule_set import RuleSet, Severity
from riskloom.scenario.list_keys import initial_lists
from riskloom.scenario.scenario import RISK_SCORE, Scenario

Looked = tuple[Vector, list[object], bool]
"""Feature vector, rule inputs without the risk score, too late: what `look_one` gives."""
EVIDENCE_LIMIT = 50
STORED_LIMIT = 10_000
TOO_LATE = "too_late"
NO_MODEL = "no_model"
NO_LISTS = "no_lists"
DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Batch:
    """Decisions on many events, column by column, in arrival order.

    `met` and `acting` (met, and not in shadow) are bool of shape (events, rules); `by_model` is whether the
    model gives its reason. Reasons with evidence are what `decisions` gives one by one.
    """

    vectors: Vector
    anomaly_scores: Vector | None
    risk_scores: Vector | None
    probabilities: Vector | None
    met: npt.NDArray[np.bool_]
    outcomes: list[Outcome]
    too_late: npt.NDArray[np.bool_]
    by_model: npt.NDArray[np.bool_]
    acting: npt.NDArray[np.bool_]
    degraded: list[tuple[str, ...]]


class Pipeline:
    """One bundle at work over one state.

    Parameters
    ----------
    bundle
        What decides.
    state
        The windows; a fresh one when none is given. The pipeline is its only writer.
    lists
        Who is on the scenario's lists; as the scenario declares them when none are given. They may change
        between events: a change made `after` an arrival is seen by later ones alone.
    """

    def __init__(self, bundle: Bundle, state: WindowState | None = None, lists: Lists | None = None) -> None:
        self.scenario: Scenario = bundle.scenario
        scenario = self.scenario
        self.state = state if state is not None else fresh_state(scenario)
        self.feature_names = scenario.feature_names
        self._fields = scenario.all_fields
        self._derive = Derive(scenario) if scenario.derived else None
        self.personal = frozenset(field.name for field in scenario.fields if field.pii)
        columns = tuple(field.name for field in self._fields)
        windows = tuple(window.name for window in scenario.windows)
        self._window_count = len(windows)
        self._window_at = {name: at for at, name in enumerate(windows)}
        written = {f.name: f.expression for f in scenario.features if f.expression is not None}
        self._written = tuple(written)
        self._row = compile_row(written, columns + windows)
        self._columns = compile_columns(written, columns + windows)
        self._vector = np.empty(len(self.feature_names))
        self._windows = self._vector[: self._window_count]
        held: Any = self._vector
        self._bytes = memoryview(held).cast("B") if held.size else memoryview(bytearray())
        self._put = struct.Struct(f"{len(written)}d").pack_into
        self._lists = lists
        self.lists_known = True
        """False while the lists cannot be read: then nobody is known to be on one or not to be."""
        self.use(bundle)

    def use(self, bundle: Bundle) -> None:
        """Decide by another bundle from now on; its features must be the ones this state was built for."""
        self.bundle = bundle
        self.scenario = bundle.scenario
        self.policy: Policy = bundle.scenario.policy
        self.model: Model | None = bundle.model
        self.deciding = Deciding(bundle.scenario, getattr(self, "deciding", None))
        self._judge = self.deciding.judge
        self.off = self.deciding.off
        self.rules = RuleSet(bundle.scenario.rules, bundle.scenario.rule_inputs)
        self._evidence_at = tuple(self._window_at.get(rule.evidence, -1) for rule in self.rules.rules)
        self.lists = self._lists if self._lists is not None else initial_lists(self.scenario)
        self._memberships = Memberships(self.scenario, self.lists)

    @property
    def off(self) -> frozenset[str]:
        """What is switched off: `model`, `policy`, `rule:<code>`."""
        return self.deciding.off

    @off.setter
    def off(self, names: frozenset[str]) -> None:
        self.deciding.off = names
        self._model_at_work = None if OFF_MODEL in names else self.model

    @property
    def personal(self) -> frozenset[str]:
        """The fields of which only a key is seen."""
        return self._personal

    @personal.setter
    def personal(self, names: frozenset[str]) -> None:
        self._personal = names
        self._see = see_of(self.scenario, names, self._derive)

    def look_one(self, event: Event) -> Looked:
        """(feature vector, rule inputs, too late) of an event; changes nothing.

        The vector is a new array; the inputs are fields, derived columns and features, aligned to
        `Scenario.rule_inputs` without the risk score and the memberships.
        """
        self._judge.pending = None
        columns, row = self._see(event.values)
        too_late = self.state.look_one(event.time_us, event.arrived_us, columns, self._vector)
        row += self._windows.tolist()
        written = self._row(row)
        row += written
        try:
            self._put(self._bytes, self._window_count * 8, *written)
        except struct.error:  # an unknown condition, None, becomes NaN
            numbers = (NAN if value is None else value for value in written)
            self._put(self._bytes, self._window_count * 8, *numbers)
        return self._vector.copy(), row, too_late

    def values_of(self, event: Event) -> Mapping[str, Value]:
        """What the state sees of an event: keys for personal fields, and the derived columns."""
        values = keyed(event.values, self.personal)
        return values if self._derive is None else {**values, **self._derive.one(values)}

    def score_one(self, event: Event, arrival: int, hurried: bool = False) -> Decision:
        """Decide one event under its arrival number; changes nothing. `advance_one` then takes it in.

        A `hurried` one has waited too long: it is decided without the model.
        """
        vector, row, too_late = self.look_one(event)
        found = self._evidence_of_look
        return self._decide(event, arrival, vector, row, too_late, found, hurried=hurried)

    def judge_one(self, event: Event, arrival: int, looked: Looked, hurried: bool = False) -> Decision:
        """Decide an event by what a look at it, the last one at this state, has shown; changes nothing.

        `looked` may be of another pipeline over the same state whose features part is the same.
        """
        vector, row, too_late = looked
        found = self._evidence_of_look
        return self._decide(event, arrival, vector, row.copy(), too_late, found, hurried=hurried)

    def advance_one(self, arrival: int) -> None:
        """Take the event of the last look into the state.

        Raises
        ------
        StateOverflow
            When a window sum would not fit; the state is unchanged.
        """
        self.state.advance_one(arrival)
        self.remember_one()

    def remember_one(self) -> None:
        """Take the last verdict into budget and limits, once.

        It is all that a pipeline beside the one that advances their state has to do.
        """
        if self._judge.pending is not None:
            self._judge.advance()

    def forget_one(self) -> None:
        """Let the policy forget the decision just made: it was a look only."""
        self._judge.pending = None

    def follow(self, before: Pipeline) -> None:
        """Remember what the policy of another pipeline remembers, which is the same policy."""
        self.deciding = Deciding(self.scenario, before.deciding)
        self._judge = self.deciding.judge
        self.off = self.deciding.off

    @property
    def takes_facts(self) -> bool:
        """Whether any feature looks at what earlier events turned out to be."""
        return any(window.aggregate.startswith("fraud_") for window in self.scenario.windows)

    def tell_one(self, time_us: int, values: Mapping[str, Any], arrival: int, fraud: bool) -> bool:
        """Take a fact about an earlier event into the state; see `WindowState.tell_one`.

        `values` are the event's as the log holds them, at least those of `advance_reads`: of personal fields
        their keys.
        """
        seen = values if self._derive is None else {**values, **self._derive.one(values)}
        return self.state.tell_one(time_us, seen, arrival, fraud)

    def score_stored(
        self, event: Event, arrival: int, vector: Vector, degraded: Sequence[str] = (), newest: int = 0
    ) -> Decision:
        """Decide an event that was taken in before, from the vector frozen then.

        Its evidence is found among the events that arrived before it, as is known of them after the log's
        entry `newest`, which the decision says.
        """
        columns, row = self._see(event.values)
        row += vector.tolist()[: self._window_count]
        row += self._row(row)

        def evidence(at: int) -> tuple[int, ...]:
            self.state.look_one(event.time_us, event.arrived_us, columns, self._vector)
            found = self.state.evidence_one(at, STORED_LIMIT)
            return tuple(number for number in found if number < arrival)[-EVIDENCE_LIMIT:]

        too_late, late = TOO_LATE in degraded, f"{LATE}{max(newest, arrival)}"
        return self._decide(event, arrival, vector, row, too_late, evidence, late=late)

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
        arrivals = range(arrival, arrival + len(events))
        arrived_us = [event.arrived_us for event in events]
        ids = [event.id for event in events] if self.policy.control is not None else ()
        scores, met, found = self.judge_many(vectors, columns, arrivals, arrived_us, ids)
        return Batch(
            vectors,
            None if scores is None else scores.anomaly_scores,
            None if scores is None else scores.risk_scores,
            None if scores is None else scores.probabilities,
            met,
            found.outcomes,
            too_late,
            found.by_model,
            found.acting,
            self._degraded_many(too_late, found.degraded),
        )

    def judge_many(
        self,
        vectors: Vector,
        columns: dict[str, npt.NDArray[Any]],
        arrivals: Sequence[int],
        arrived_us: Sequence[int],
        event_ids: Sequence[str] = (),
    ) -> tuple[ManyScores | None, npt.NDArray[np.bool_], Verdicts]:
        """Decide many events by what `compute_many` gave; the policy remembers each before the next.

        Parameters
        ----------
        vectors, columns
            Of this pipeline, or of another whose features part is the same; columns are added.
        arrivals, arrived_us
            Arrival numbers and times of the events, in arrival order.
        event_ids
            Theirs, where the policy has a control group.

        Returns
        -------
        Scores, None without a model; whether each rule is met, bool[events, rules]; verdicts.
        """
        model = self._model_at_work
        scores = None if model is None else model.score_many(vectors)
        columns[RISK_SCORE] = np.full(len(vectors), NAN) if scores is None else scores.risk_scores
        if self._memberships:
            self._memberships.many(columns, arrivals, arrived_us, self.lists_known)
        met = self.rules.evaluate_many(columns)
        risks = None if scores is None else scores.risk_scores
        probabilities = None if scores is None else scores.probabilities
        return scores, met, self.deciding.many(arrived_us, met, columns, risks, probabilities, event_ids)

    def _degraded_many(
        self, too_late: npt.NDArray[np.bool_], more: Sequence[tuple[str, ...]]
    ) -> list[tuple[str, ...]]:
        """What each decision was made without, in the order of `_decide`."""
        same: tuple[str, ...] = (NO_MODEL,) if self.model is None else ()
        if self._memberships and not self.lists_known:
            same += (NO_LISTS,)
        if not same and not too_late.any():
            return list(more)
        pairs = zip(too_late.tolist(), more, strict=True)
        return [((TOO_LATE,) if late else ()) + same + one for late, one in pairs]

    def compute_many(
        self, events: Sequence[Event], arrival: int, facts: Sequence[Told] = ()
    ) -> tuple[Vector, dict[str, npt.NDArray[Any]], npt.NDArray[np.bool_]]:
        """(vectors, expression columns, too late) of events in arrival order; the state takes them in.

        `facts` become known on the way; see `WindowState.run_many`.
        """
        listed = EventColumns.of([(event, NAN) for event in events], self.scenario.fields)
        return self.compute_columns(listed, arrival, facts)

    def compute_columns(
        self, events: EventColumns, arrival: int, facts: Sequence[Told] = ()
    ) -> tuple[Vector, dict[str, npt.NDArray[Any]], npt.NDArray[np.bool_]]:
        """`compute_many` of events that are columns already."""
        count = len(events)
        held: dict[str, Held] = {
            field.name: keyed_column(field.name, events.values[field.name], self.personal)
            for field in self.scenario.fields
        }
        held |= self._derived_columns(held, count)
        columns = {field.name: seen_column(held[field.name], field) for field in self._fields}
        raw = {column.name: raw_column(held[column.name], column.kind) for column in self.state.columns}
        vectors = np.empty((count, len(self.feature_names)))
        windows = np.empty((count, self._window_count))
        arrivals = np.arange(arrival, arrival + count, dtype=np.int64)
        too_late = self.state.run_many(events.time_us, events.arrived_us, arrivals, raw, windows, facts)
        vectors[:, : self._window_count] = windows
        for at, name in enumerate(self.feature_names[: self._window_count]):
            columns[name] = windows[:, at]
        written = self._columns(columns)
        for at, name in enumerate(self._written, self._window_count):
            columns[name] = written[name]
            vectors[:, at] = as_numbers(written[name])
        return vectors, columns, too_late

    def advance_many(self, events: Sequence[Event], arrivals: npt.NDArray[np.int64]) -> None:
        """Take events into the state without looking."""
        count = len(events)
        seen = [keyed(event.values, self.personal) for event in events]
        time_us = np.fromiter((event.time_us for event in events), np.int64, count)
        arrived_us = np.fromiter((event.arrived_us for event in events), np.int64, count)
        held = {name: [values[name] for values in seen] for name in self.advance_reads}
        self.advance_columns(time_us, arrived_us, arrivals, held)

    @property
    def advance_reads(self) -> tuple[str, ...]:
        """The fields that `advance_columns` reads."""
        read = {column.name for column in self.state.columns}
        if self._derive is not None:
            read.update(self._derive.reads)
        return tuple(field.name for field in self.scenario.fields if field.name in read)

    def advance_columns(
        self,
        time_us: npt.NDArray[np.int64],
        arrived_us: npt.NDArray[np.int64],
        arrivals: npt.NDArray[np.int64],
        values: Mapping[str, Sequence[Value]],
    ) -> None:
        """`advance_many` for recovery from the log: what it holds, column by column.

        Parameters
        ----------
        time_us, arrived_us, arrivals
            int64 [n], in arrival order.
        values
            A column for each of `advance_reads`; of personal fields their keys.
        """
        held: dict[str, Held] = dict(values)
        held |= self._derived_columns(held, len(time_us))
        raw = {column.name: raw_column(held[column.name], column.kind) for column in self.state.columns}
        self.state.run_many(time_us, arrived_us, arrivals, raw, None)

    def _derived_columns(self, held: Mapping[str, Held], count: int) -> dict[str, Held]:
        """The derived columns of many events as they are held; the same values `Derive` gives one by one."""
        if self._derive is None:
            return {}
        if not self._derive.reads:
            return {name: [value] * count for name, value in self._derive.one({}).items()}
        columns = {
            field.name: seen_column(held[field.name], field)
            for field in self.scenario.fields
            if field.name in self._derive.reads
        }
        found = self._derive.columns(columns)
        return {field.name: held_column(found[field.name], field) for field, _ in self._derive.holders}

    def _evidence_of_look(self, at: int) -> tuple[int, ...]:
        return tuple(self.state.evidence_one(at, EVIDENCE_LIMIT))

    def _decide(
        self,
        event: Event,
        arrival: int,
        vector: Vector,
        row: list[object],
        too_late: bool,
        evidence: Callable[[int], tuple[int, ...]],
        *,
        late: str = "",
        hurried: bool = False,
    ) -> Decision:
        anomaly_score = risk_score = probability = None
        degraded: tuple[str, ...] = (TOO_LATE,) if too_late else ()
        model = self._model_at_work
        if hurried and model is not None:
            model, degraded = None, (*degraded, DEADLINE)
        if model is None:
            degraded = degraded if self.model is not None else (*degraded, NO_MODEL)
            row.append(NAN)
        else:
            anomaly_score, risk_score, probability = model.score_one(vector)
            row.append(risk_score)
        if self._memberships:
            row += self._memberships.one(row, arrival, event.arrived_us, self.lists_known)
            if not self.lists_known:
                degraded = (*degraded, NO_LISTS)
        met = self.rules.evaluate_one(row)
        verdict = self.deciding.one(event.arrived_us, met, row, risk_score, probability, bool(late), event.id)
        reasons = [self._reason(at, row, evidence, verdict.shadow) for at in met] if met else []
        contributions: Mapping[str, float] = {}
        if model is not None and (verdict.instead_of or verdict.outcome) is not Outcome.APPROVED:
            contributions = model.raised_by(vector)
        if model is not None and verdict.by_model:
            facts = model.facts(vector, contributions)
            usual = self.policy.percentile if verdict.threshold is None else verdict.threshold
            values = {"value": risk_score, "usual": None if self.policy.cost else usual, **facts}
            if MODEL in verdict.shadow:
                values["shadow"] = verdict.shadow[MODEL]
            reasons.append(Reason(MODEL_REASON, Severity.MEDIUM, values))
        if verdict.instead_of is not None and self.policy.control is not None:
            told = {"value": verdict.instead_of.value, "propensity": self.policy.control.share}
            reasons.append(Reason(CONTROL_REASON, Severity.LOW, told))
        if verdict.degraded:
            degraded = (*degraded, *verdict.degraded)
        if late:
            degraded = (*degraded, late)
        return Decision(
            event.id,
            arrival,
            verdict.outcome,
            anomaly_score,
            risk_score,
            tuple(reasons),
            vector,
            self.bundle.fingerprint,
            degraded,
            probability,
            contributions,
        )

    def _reason(
        self,
        at: int,
        row: list[object],
        evidence: Callable[[int], tuple[int, ...]],
        shadow: Mapping[int, str],
    ) -> Reason:
        """The reason of a met rule; one whose action did not count says why."""
        rule = self.rules.rules[at]
        values = self.rules.values_one(at, row)
        if at in shadow:
            values["shadow"] = shadow[at]
        found = evidence(self._evidence_at[at]) if self._evidence_at[at] >= 0 else ()
        return Reason(rule.code, rule.severity, values, found)

    def recall(self, event: Event, stored: Mapping[str, Any]) -> None:
        """Remember what was said of an event for budget and limits, whoever said it.

        All that was said in the last `Deciding.reach_us`, in arrival order, is all that is remembered.

        Parameters
        ----------
        event
            As it is stored: of personal fields what `personal` says.
        stored
            outcome, risk_score, probability, degraded, and reasons (code and values), as JSON holds them.
        """
        self._hear(event, stored)
        self.remember_one()

    def hear_one(self, event: Event, decision: Decision) -> None:
        """Take another's decision on the event of the last look for what `advance_one` will remember."""
        self._hear(event, said_of(decision))

    def _hear(self, event: Event, stored: Mapping[str, Any]) -> None:
        self.deciding.hear(
            event.arrived_us,
            self.values_of(event),
            stored["risk_score"],
            stored["probability"],
            Outcome(stored["outcome"]),
            [(reason["code"], reason["values"]) for reason in stored["reasons"]],
            stored["degraded"],
        )

    def decisions(self, events: Sequence[Event], arrival: int) -> Iterator[Decision]:
        """Decide events one by one, each with its reasons and evidence, and take each in."""
        for at, event in enumerate(events, arrival):
            decision = self.score_one(event, at)
            self.advance_one(at)
            yield decision


def said_of(decision: Decision) -> dict[str, Any]:
    """What `Pipeline.recall` asks for, of a decision just made."""
    return {
        "outcome": decision.outcome,
        "risk_score": decision.risk_score,
        "probability": decision.probability,
        "degraded": decision.degraded,
        "reasons": [{"code": reason.code, "values": reason.values} for reason in decision.reasons],
    }


def fresh_state(scenario: Scenario) -> WindowState:
    """An empty state for the windows of a scenario."""
    return WindowState(scenario.windows, scenario.columns, scenario.max_lateness_us)
