"""Decisions and events as clients read them: the same view of a decision just made and of a stored one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Row

from riskloom.domain.decision import CONTROL_REASON, LADDER, Decision, Outcome
from riskloom.domain.event import Event
from riskloom.domain.field import FieldType
from riskloom.domain.show import compile_show, show_scaled, show_time
from riskloom.explain.reasons import ReasonTexts
from riskloom.scenario.scenario import Scenario
from riskloom.server.bundles import BundleTexts
from riskloom.server.decisions.list_repo import ListRepo
from riskloom.server.decisions.record import decode, row_values
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.ids import RecentIds
from riskloom.server.lineup.repo import LineupRepo


class Views:
    """Renders events and decisions of one scenario; sentences come from each decision's own bundle."""

    def __init__(
        self,
        scenario: Scenario,
        repo: DecisionRepo,
        lists: ListRepo,
        texts: BundleTexts,
        recent: RecentIds,
        lineups: LineupRepo,
    ) -> None:
        self.scenario = scenario
        self._name = scenario.name
        self._repo = repo
        self._lists = lists
        self._recent = recent
        self._texts = texts
        self.features_of = texts.features_of
        self._lineups = lineups
        self.event_fields = compile_show(scenario.fields)
        """(values, what was sent) -> the event's fields as they were sent."""
        self._money = next((field for field in scenario.fields if field.type is FieldType.MONEY), None)

    def fresh(
        self,
        event: Event,
        decision: Decision,
        decided_at_us: int,
        lineup: int | None = None,
        *,
        stored: bool = True,
    ) -> dict[str, Any]:
        """A decision just made; call it after the commit and on the event loop's thread, so that its
        evidence can be named."""
        reasons: list[dict[str, Any]] = []
        bundle = decision.bundle
        if decision.reasons:
            sentence = self._texts.of(bundle).sentence
            for reason in decision.reasons:
                code, values, evidence = reason.code, reason.values, reason.evidence
                reasons.append(
                    {
                        "code": code,
                        "severity": reason.severity,
                        "message": sentence(code, values),
                        "values": values,
                        "evidence": self._named(evidence) if evidence else evidence,
                    }
                )
        view = self._decision(
            event.id,
            decision.arrival,
            decision.outcome,
            (decision.anomaly_score, decision.risk_score, decision.probability),
            reasons,
            bundle,
            decision.degraded,
            (event.time_us, event.arrived_us, decided_at_us),
            decision.contributions,
        )
        view["versions"] = self._lineups.versions(lineup)
        view["event"] = self.event_fields(event.values, event.sent)
        if not stored:
            view |= {"decision_id": None, "arrival": None, "dry_run": True}
        return view

    def stored(self, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
        """Stored decisions, with the names of their evidence looked up together."""
        reasons = [decode(row.reasons) if row.reasons else [] for row in rows]
        names = self._names([reason for listed in reasons for reason in listed])
        views = []
        for row, listed in zip(rows, reasons, strict=True):
            view = self._decision(
                row.event_id,
                int(row.arrival),
                None if row.outcome is None else LADDER[row.outcome],
                (row.anomaly_score, row.risk_score, row.probability),
                self._reasons(listed, row.bundle, names),
                row.bundle,
                decode(row.decision_degraded) if row.decision_degraded else (),
                (row.event_time_us, row.arrived_at_us, row.decided_at_us),
                decode(row.contributions) if row.contributions else {},
            )
            view["versions"] = self._lineups.versions(row.lineup)
            view["event"] = self.event_fields(*row_values(row))
            views.append(view)
        return views

    def trials(self, row: Row[Any]) -> list[dict[str, Any]]:
        """What the versions beside the one that decided said of a stored event."""
        return [] if row.lineup is None else self._lineups.trials_of(int(row.arrival))

    def events(self, rows: Iterable[Row[Any]]) -> list[dict[str, Any]]:
        """Stored events, with outcome and risk score where they were decided."""
        return [self.event(row) for row in rows]

    def event(self, row: Row[Any]) -> dict[str, Any]:
        """One stored event."""
        values, sent = row_values(row)
        base = None
        if self._money is not None and values.get(self._money.name) is not None:
            base = show_scaled(int(values[self._money.name]), self._money.decimals)
        return {
            "event_id": row.event_id,
            "arrival": int(row.arrival),
            "event_time": show_time(row.event_time_us),
            "arrived_at": show_time(row.arrived_at_us),
            "event": self.event_fields(values, sent),
            "amount_base": base,
            "outcome": None if row.outcome is None else LADDER[row.outcome].value,
            "risk_score": row.risk_score,
        }

    def _named(self, evidence: Sequence[int]) -> list[str]:
        """The ids of a fresh decision's evidence."""
        known, missing = self._recent.of(evidence)
        if missing:
            known |= self._repo.event_ids(missing)
        return [known.get(number) or str(number) for number in evidence]

    def _names(self, reasons: Iterable[Mapping[str, Any]]) -> dict[int, str]:
        known, missing = self._recent.of({arrival for reason in reasons for arrival in reason["evidence"]})
        return known | self._lists.event_ids(sorted(missing)) if missing else known

    def _reasons(
        self, listed: Sequence[Mapping[str, Any]], bundle: str | None, names: Mapping[int, str]
    ) -> list[dict[str, Any]]:
        """Reasons as stored, in the words of their bundle."""
        texts: ReasonTexts | None = self._texts.of(bundle) if listed and bundle else None
        return [
            {
                "code": reason["code"],
                "severity": reason["severity"],
                "message": texts.sentence(reason["code"], reason["values"]) if texts else reason["code"],
                "values": reason["values"],
                "evidence": [names.get(number, str(number)) for number in reason["evidence"]],
            }
            for reason in listed
        ]

    def _decision(
        self,
        event_id: str,
        arrival: int,
        outcome: Outcome | None,
        scores: tuple[float | None, float | None, float | None],
        reasons: list[dict[str, Any]],
        bundle: str | None,
        degraded: Sequence[str],
        times: tuple[int, int, int | None],
        contributions: Mapping[str, float],
    ) -> dict[str, Any]:
        return {
            "decision_id": str(arrival),
            "event_id": event_id,
            "scenario": self._name,
            "arrival": arrival,
            "outcome": outcome,
            "flagged": outcome is not None and outcome is not Outcome.APPROVED,
            "anomaly_score": scores[0],
            "control": _control(reasons),
            "risk_score": scores[1],
            "probability": scores[2],
            "reasons": reasons,
            "contributions": contributions,
            "degraded": degraded,
            "bundle": bundle,
            "event_time": show_time(times[0]),
            "arrived_at": show_time(times[1]),
            "decided_at": None if times[2] is None else show_time(times[2]),
        }


def _control(reasons: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What would have been decided about an event that was let through by chance, and that chance."""
    for reason in reversed(reasons):
        if reason["code"] == CONTROL_REASON:
            return {"instead_of": reason["values"]["value"], "propensity": reason["values"]["propensity"]}
    return None
