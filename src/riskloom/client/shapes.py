"""The shapes of what the server answers, as `/api/v1` writes them."""

from __future__ import annotations

from typing import Any, Generic, NotRequired, TypedDict, TypeVar

Item = TypeVar("Item")


class Page(TypedDict, Generic[Item]):
    """A part of a list, and the cursor of the next part or None."""

    items: list[Item]
    next: str | None


class Reason(TypedDict):
    """Why: `message` is the sentence, `evidence` the ids of the events behind it."""

    code: str
    severity: str
    message: str
    values: dict[str, Any]
    evidence: list[str]


class Decision(TypedDict):
    """A stored decision with its event as it was sent; `outcome` is None where an event was only taken in."""

    decision_id: str
    event_id: str
    scenario: str
    arrival: int
    outcome: str | None
    flagged: bool
    anomaly_score: float | None
    risk_score: float | None
    probability: float | None
    reasons: list[Reason]
    contributions: dict[str, float]
    degraded: list[str]
    bundle: str | None
    event_time: str
    arrived_at: str
    decided_at: str | None
    event: dict[str, Any]


class Usual(TypedDict):
    """What training saw of a feature: its 5, 50 and 95 percent quantiles."""

    low: float | None
    middle: float | None
    high: float | None


class FeatureValue(TypedDict):
    """One feature of a frozen vector."""

    name: str
    describe: str
    value: float | None
    usual: Usual | None


class EventItem(TypedDict):
    """A stored event; `amount_base` is in major units of the base currency."""

    event_id: str
    arrival: int
    event_time: str
    arrived_at: str
    event: dict[str, Any]
    amount_base: float | None
    outcome: str | None
    risk_score: float | None


class EffectiveLabel(TypedDict):
    """What an event turned out to be, by the label that counts."""

    fraud: bool
    source: str
    known_at: str


class Label(EffectiveLabel):
    """One label as it is stored."""

    event_id: str
    arrival: int
    confidence: float
    told_at: str
    code: str | None


class DecisionDetail(Decision):
    """A decision with its vector, the events named by its reasons, and what its event turned out to be."""

    features: list[FeatureValue]
    evidence_events: list[EventItem]
    label: EffectiveLabel | None


class BatchError(TypedDict):
    """The place of a decision in a batch's answer when its event was refused."""

    error: dict[str, Any]


class Minute(TypedDict):
    """Decisions of one minute, by arrival."""

    minute: str
    approved: int
    flagged: int
    rejected: int


class Stats(TypedDict):
    """Live counts; outcomes are keyed by their names."""

    total_events: int
    total_decisions: int
    outcomes: dict[str, int]
    last_hour: dict[str, int]
    per_minute: list[Minute]
    top_reasons: list[dict[str, Any]]
    newest_arrival: int | None
    rates: dict[str, float]
    parity: NotRequired[dict[str, Any]]


class Health(TypedDict):
    """What a server says about itself."""

    status: str
    version: str
    scenario: str
    bundle: str | None
    model: dict[str, Any] | None
    arrivals: int
    ready: bool
    scenarios: NotRequired[list[dict[str, Any]]]


class ModelRun(TypedDict):
    """One training run."""

    created_at: str
    model_type: str
    trained_rows: int
    threshold: float
    percentile: float
    feature_columns: list[str]
    bundle: str


class Models(TypedDict):
    """The model at work, and the runs that led to it, newest first."""

    current: dict[str, Any] | None
    runs: list[ModelRun]
    problem: NotRequired[str | None]


class Job(TypedDict):
    """A retraining: `status` is running or done; then `result` says what was trained."""

    job_id: str
    status: str
    percentile: float
    result: NotRequired[dict[str, Any]]
