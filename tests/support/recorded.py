"""Recorded events for replays: with labels, in chunks; and a bundle under another policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.columns import Labelled
from riskloom.domain.event import Event, decode_json
from riskloom.scenario.load import scenario_from_parts
from riskloom.scenario.scenario import Scenario
from support.events import NOW_US

NOBODY_KNOWS = float("nan")


def labelled(
    scenario: Scenario, rows: Sequence[dict[str, Any]], labels: Sequence[float] = ()
) -> list[Labelled]:
    """Events that arrived when they happened."""
    schema = scenario.schema()
    events = []
    for row in rows:
        event = schema.parse_one(decode_json(msgspec.json.encode(row)), NOW_US, make_id=str)
        events.append(Event(event.id, event.time_us, event.time_us, event.values, event.sent))
    return list(zip(events, labels or [NOBODY_KNOWS] * len(events), strict=True))


def in_chunks(listed: Sequence[Labelled], size: int = 7) -> list[Sequence[Labelled]]:
    """The events in parts of this size."""
    return [listed[start : start + size] for start in range(0, len(listed), size)]


def other_policy(bundle: Bundle, *, percentile: float = 98, without: str = "") -> Bundle:
    """The same model behind another threshold, or without one rule."""
    parts = dict(bundle.scenario.parts)
    parts["policy"] = {**parts["policy"], "percentile": percentile}
    parts["rules"] = [rule for rule in parts["rules"] if rule["code"] != without]
    return make_bundle(scenario_from_parts(parts), bundle.model)
