"""The evidence of an event that the windows hold already: `score_stored` leaves out the one last event."""

from __future__ import annotations

import msgspec

from riskloom.domain.decision import Decision
from riskloom.domain.event import Event
from riskloom.features.spec import LINKED, WindowFeature
from riskloom.pipeline import STORED_LIMIT, Pipeline

_LAST = frozenset({"seconds_since_last", "last", "travel_km", "travel_speed"})
_OTHERS = frozenset({"first_seen", "fraud_count", "fraud_share", *LINKED})


def with_last(pipeline: Pipeline, event: Event, decision: Decision) -> Decision:
    """The decision with the last event before it as evidence, where a reason is about that one.

    It is the newest, among those that arrived before, of another window over the same entity: the widest.
    When it lies farther back than that, the evidence stays empty.
    """
    windows = pipeline.state.features
    evidence_of = {rule.code: rule.evidence for rule in pipeline.rules.rules}
    at = {window.name: number for number, window in enumerate(windows)}
    reasons = list(decision.reasons)
    for number, reason in enumerate(reasons):
        own = at.get(evidence_of.get(reason.code, ""))
        if reason.evidence or own is None or windows[own].aggregate not in _LAST:
            continue
        wide = _widest(windows, windows[own])
        if wide < 0:
            continue
        pipeline.look_one(event)
        found = pipeline.state.evidence_one(wide, STORED_LIMIT)
        before = [arrival for arrival in found if arrival < decision.arrival]
        reasons[number] = msgspec.structs.replace(reason, evidence=tuple(before[-1:]))
    return msgspec.structs.replace(decision, reasons=tuple(reasons))


def _widest(windows: tuple[WindowFeature, ...], own: WindowFeature) -> int:
    """The position of the widest window over the same entity, not wider than its own; -1 without any."""
    found = [
        (other.window_us, number)
        for number, other in enumerate(windows)
        if other.entity_column == own.entity_column
        and other.delay_us == own.delay_us
        and other.window_us <= own.window_us
        and other.aggregate not in _LAST | _OTHERS
    ]
    return max(found)[1] if found else -1
