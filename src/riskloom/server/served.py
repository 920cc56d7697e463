"""What a server has at hand for its routes: the parts of each scenario served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from riskloom import __version__
from riskloom.bundle import Bundle
from riskloom.errors import NotFound, nearest, show
from riskloom.rules.rule_set import Rule
from riskloom.scenario.scenario import Feature
from riskloom.server.alerts.people import PeopleService
from riskloom.server.alerts.service import AlertService
from riskloom.server.cases.desk import Desk
from riskloom.server.decisions.service import DecisionService
from riskloom.server.decisions.view import Views
from riskloom.server.engine import DecisionEngine
from riskloom.server.entities.service import EntityService
from riskloom.server.labels.service import LabelService
from riskloom.server.lineup.follower import Follower
from riskloom.server.lineup.repo import LineupRepo
from riskloom.server.models.service import ModelService
from riskloom.server.notices.service import NoticeService
from riskloom.server.policy.check import RuleCheck
from riskloom.server.policy.service import PolicyService
from riskloom.server.replays.jobs import ReplayJobs
from riskloom.server.reports.service import ReportService
from riskloom.server.security.access import Access
from riskloom.server.settings import Settings


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of one served scenario, made once and handed to every route."""

    settings: Settings
    engine: DecisionEngine
    decisions: DecisionService
    models: ModelService
    views: Views
    lineups: LineupRepo
    follower: Follower | None
    labels: LabelService
    policy: PolicyService
    replays: ReplayJobs
    rule_check: RuleCheck
    reports: ReportService
    desk: Desk
    alerts: AlertService
    people: PeopleService
    notices: NoticeService
    entities: EntityService
    access: Access

    @property
    def bundle(self) -> Bundle:
        """The bundle at work."""
        return self.engine.bundle

    def health(self) -> dict[str, Any]:
        """What decides here."""
        bundle = self.bundle
        model = bundle.model
        return {
            "scenario": bundle.scenario.name,
            "bundle": bundle.fingerprint,
            "model": None
            if model is None
            else {"kind": model.kind, "trained_rows": model.info.get("trained_rows")},
            "versions": self.lineups.versions(self.engine.casting.number),
            "arrivals": self.engine.arrival,
            "ready": self.engine.unready is None,
        }

    def describe(self) -> dict[str, Any]:
        """The scenario at work, for clients that show it."""
        scenario = self.bundle.scenario
        head = scenario.parts["features"]
        written = {f["name"]: f for f in head.get("features", [])}
        return {
            "name": scenario.name,
            "describe": scenario.describe,
            "base_currency": scenario.base_currency,
            "timezone": scenario.timezone,
            "main_entity": scenario.main_entity,
            "id_field": scenario.id_field,
            "time_field": scenario.time_field,
            "fields": [
                {
                    "name": field.name,
                    "type": field.type.value,
                    "entity": field.entity or None,
                    "pii": field.pii,
                    "required": field.required,
                    "values": list(field.values),
                    "currency_field": field.currency_field,
                }
                for field in scenario.fields
            ],
            "features": [_feature(feature, written.get(feature.name, {})) for feature in scenario.features],
            "rules": [_rule(rule) for rule in scenario.rules],
            "policy": dict(scenario.policy.as_data()),
        }


class Served:
    """The scenarios of one server; the first is meant where a path names none."""

    def __init__(self, runtimes: Sequence[Runtime]) -> None:
        self._runtimes: Mapping[str, Runtime] = {one.bundle.scenario.name: one for one in runtimes}
        self.first = runtimes[0]

    @property
    def all(self) -> tuple[Runtime, ...]:
        """Each scenario's parts, in the order they were named."""
        return tuple(self._runtimes.values())

    def of(self, scenario: str) -> Runtime:
        """A scenario's parts.

        Raises
        ------
        NotFound
            When it is not served here; names those that are.
        """
        runtime = self._runtimes.get(scenario)
        if runtime is None:
            meant = nearest(scenario, self._runtimes)
            hint = f"{meant} " if meant else ""
            hint += f"served are: {', '.join(self._runtimes)}"
            raise NotFound(f"The scenario {show(scenario)} is not served here.", hint=hint)
        return runtime

    def health(self) -> dict[str, Any]:
        """What runs here: the first scenario, and all of them."""
        every = [one.health() for one in self.all]
        return {"status": "ok", "version": __version__, **every[0], "scenarios": every}

    @property
    def unready(self) -> str | None:
        """Why some scenario takes no event at the moment, or None."""
        return next((one.engine.unready for one in self.all if one.engine.unready is not None), None)


def _feature(feature: Feature, written: dict[str, Any]) -> dict[str, Any]:
    keys = ("entity", "aggregate", "of", "window", "delay", "include_current", "hub", "expression")
    known = {key: written[key] for key in keys if key in written}
    return {"name": feature.name, "describe": feature.describe, **known}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "severity": rule.severity.value,
        "action": rule.action.value,
        "when": rule.when.text,
        "message": rule.message,
    }
