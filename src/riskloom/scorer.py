"""The notebook's door to the pipeline: score one event or a whole table, by the functions that serve."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from riskloom.bundle import MANIFEST, Bundle, make_bundle, read_bundle
from riskloom.clock import Clock, SystemClock
from riskloom.domain.decision import Decision
from riskloom.domain.event import Event, decode_json
from riskloom.errors import DataInvalid, EventInvalid, Fault, show
from riskloom.explain.reasons import ReasonTexts
from riskloom.pipeline import Pipeline
from riskloom.scenario.load import load_scenario


def load_bundle(named: str | Path) -> Bundle:
    """A trained bundle from its folder, or the model-less bundle of a scenario."""
    if (Path(named) / MANIFEST).is_file():
        return read_bundle(named)
    return make_bundle(load_scenario(named), None)


def load_scorer(named: str | Path) -> Scorer:
    """See `riskloom.load`."""
    return Scorer(load_bundle(named))


class Scorer:
    """Scores events one after the other over a state of its own.

    Each event sees those scored before it. Times are not checked against the clock: history is welcome.
    """

    def __init__(self, bundle: Bundle, *, clock: Clock | None = None) -> None:
        self.bundle = bundle
        self._pipeline = Pipeline(bundle)
        self._schema = bundle.scenario.schema(ignore_unknown=True)
        self._clock = clock or SystemClock()
        self._arrival = 0
        self._ids: list[str] = []
        said = [{"code": rule.code, "message": rule.message} for rule in bundle.scenario.rules]
        describe = {feature.name: feature.describe for feature in bundle.scenario.features}
        self._texts = ReasonTexts(said, bundle.scenario.base_currency, describe)

    def score(self, data: Any, *, explain: bool = False) -> Any:
        """Decide an event or a table of events.

        Parameters
        ----------
        data
            One event as a mapping; or a list of mappings, or a pandas, polars or pyarrow table with the
            event's fields as columns, in arrival order.
        explain
            Whether approved events get `contributions` too: what raised the score most, as flagged ones have
            them anyway. Empty where the model admits none.

        Returns
        -------
        dict or list of dict
            event_id, outcome, flagged, anomaly_score, risk_score, probability, contributions, reasons (code,
            severity, message, values, evidence as event ids), degraded.

        Raises
        ------
        EventInvalid, DataInvalid
            With every fault; then no event of the call was taken in.
        """
        if isinstance(data, Mapping):
            return next(self._decide([self._parse(data, "")], explain))
        events: list[Event] = []
        faults: list[Fault] = []
        for at, row in enumerate(_rows(data)):
            try:
                events.append(self._parse(row, f"events[{at}]"))
            except EventInvalid as error:
                faults += error.faults
        if faults:
            raise EventInvalid(faults)
        return list(self._decide(events, explain))

    def _parse(self, row: Mapping[str, Any], where: str) -> Event:
        try:
            if raw := [
                name for name, value in row.items() if isinstance(value, (bytes, bytearray, memoryview))
            ]:
                raise TypeError(f"bytes in {', '.join(map(str, raw))}")
            plain = decode_json(msgspec.json.encode(row, enc_hook=_plain))
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise EventInvalid(Fault(where or "event", "plain values", str(error))) from error
        event = self._schema.parse_one(plain, _ANY_TIME_US, make_id=lambda: str(uuid.uuid4()), where=where)
        named = self._schema.time_field
        if named and event.sent.get(named, "") is None:
            now_us = self._clock.now_us()
            return Event(event.id, now_us, now_us, {**event.values, named: now_us}, event.sent)
        return Event(event.id, event.time_us, event.time_us, event.values, event.sent)

    def _decide(self, events: Sequence[Event], explain: bool) -> Iterator[dict[str, Any]]:
        for decision in self._pipeline.decisions(events, self._arrival + 1):
            self._arrival = decision.arrival
            self._ids.append(decision.event_id)
            yield self._answer(decision, explain)

    def _answer(self, decision: Decision, explain: bool) -> dict[str, Any]:
        contributions, model = decision.contributions, self.bundle.model
        if explain and model is not None and not decision.flagged:
            contributions = model.raised_by(decision.vector)
        return {
            "event_id": decision.event_id,
            "outcome": decision.outcome.value,
            "flagged": decision.flagged,
            "anomaly_score": decision.anomaly_score,
            "risk_score": decision.risk_score,
            "probability": decision.probability,
            "contributions": dict(contributions),
            "reasons": [
                {
                    "code": reason.code,
                    "severity": str(reason.severity),
                    "message": self._texts.sentence(reason.code, reason.values),
                    "values": dict(reason.values),
                    "evidence": [self._ids[arrival - 1] for arrival in reason.evidence],
                }
                for reason in decision.reasons
            ],
            "degraded": list(decision.degraded),
        }


_ANY_TIME_US = 1 << 60


def _rows(data: Any) -> list[Mapping[str, Any]]:
    if isinstance(data, (list, tuple)) and all(isinstance(row, Mapping) for row in data):
        return list(data)
    for method in ("to_pylist", "to_dicts"):
        if hasattr(data, method):
            return list(getattr(data, method)())
    if hasattr(data, "to_dict"):
        return list(data.to_dict("records"))
    raise DataInvalid(Fault("data", "an event, a list of events, or a table", show(type(data).__name__)))


def _plain(value: Any) -> Any:
    """Values that tables hold and JSON lacks: numpy scalars, pandas times, what pandas calls missing."""
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        return value.item()
    raise TypeError(f"a {type(value).__name__} is no value of a field")
