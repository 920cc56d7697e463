"""Checks a rule while it is written: every fault of it, or what it would have done to the newest events."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy.engine import Row

from riskloom.bundle import Bundle
from riskloom.derived import NAN, Derive, see_of
from riskloom.domain.decision import LADDER
from riskloom.domain.show import show_time
from riskloom.errors import Fault, ScenarioInvalid
from riskloom.expression.row import compile_row
from riskloom.membership import Memberships
from riskloom.rules.lists import Lists
from riskloom.rules.rule_set import RuleSet
from riskloom.scenario.load import scenario_from_parts
from riskloom.scenario.scenario import Scenario
from riskloom.server.decisions.list_repo import Filter, ListRepo, Page
from riskloom.server.decisions.record import decode, row_values
from riskloom.server.engine import DecisionEngine
from riskloom.server.labels.repo import LabelRepo

MOST_EVENTS = 10_000
_EXAMPLES = 8
_PLACE = re.compile(r"^\[?(\d+)\]?\.?")
_QUOTED = re.compile(r"columns? (\d+)")


class RuleCheck:
    """Rules of one scenario, tried on what the champion decided."""

    def __init__(self, engine: DecisionEngine, lists: ListRepo, labels: LabelRepo) -> None:
        self._engine = engine
        self._lists = lists
        self._labels = labels

    async def check(self, rule: Mapping[str, Any], last: int) -> dict[str, Any]:
        """A rule in the place of the champion's of the same code, or behind them all.

        Parameters
        ----------
        rule
            As it would stand in a rules file.
        last
            How many of the newest decided events it is tried on.

        Returns
        -------
        `faults`; without any also `rules`, all of the new version as `POST /rule-sets` takes them. `tried`,
        what it would have hit, is there too when only its examples are at fault.
        """
        bundle, lists = self._engine.bundle, self._engine.pipeline.lists
        return await asyncio.to_thread(self._check, bundle, lists, dict(rule), last)

    def _check(self, bundle: Bundle, lists: Lists, rule: dict[str, Any], last: int) -> dict[str, Any]:
        rules = [dict(one) for one in bundle.scenario.parts["rules"]]
        code = rule.get("code")
        at = next((at for at, one in enumerate(rules) if code and one.get("code") == code), len(rules))
        scenario, faults = _changed(bundle.scenario, rules, at, rule)
        if faults and all(fault["where"].startswith("examples") for fault in faults):
            plain = {name: value for name, value in rule.items() if name != "examples"}
            scenario, _ = _changed(bundle.scenario, rules, at, plain)
        return {
            "faults": faults,
            "rules": list(scenario.parts["rules"]) if scenario is not None and not faults else None,
            "tried": None if scenario is None else self._try(scenario, str(code), lists, last),
        }

    def _try(self, scenario: Scenario, code: str, lists: Lists, last: int) -> dict[str, Any]:
        rows = self._lists.list_events(Filter(decided=True), Page(last)) if last else []
        features = scenario.fingerprint("features")
        rows = [row for row in rows if row.features == features]
        rule = next(one for one in scenario.rules if one.code == code)
        alone = RuleSet([rule], scenario.rule_inputs)
        hits: list[Row[Any]] = []
        examples: list[dict[str, Any]] = []
        for row, inputs in _inputs(scenario, lists, rows):
            if alone.evaluate_one(inputs):
                hits.append(row)
                if len(examples) < _EXAMPLES:
                    examples.append(_example(row, alone.values_one(0, inputs)))
        before = [row for row in rows if any(one["code"] == code for one in decode(row.reasons))]
        return {
            "events": len(rows),
            "from": show_time(rows[-1].event_time_us) if rows else None,
            "to": show_time(rows[0].event_time_us) if rows else None,
            "now": self._counted(hits),
            "before": self._counted(before),
            "examples": examples,
        }

    def _counted(self, rows: Sequence[Row[Any]]) -> dict[str, int]:
        """Hits, those of them that were approved, and what is known of them."""
        told = self._labels.truths([int(row.arrival) for row in rows])
        return {
            "hits": len(rows),
            "approved": sum(row.outcome == 0 for row in rows),
            "fraud": sum(told.values()),
            "honest": len(told) - sum(told.values()),
        }


def _changed(
    scenario: Scenario, rules: Sequence[Mapping[str, Any]], at: int, rule: Mapping[str, Any]
) -> tuple[Scenario | None, list[dict[str, Any]]]:
    """The scenario with a rule in a place, or what is wrong with it."""
    changed = [*rules[:at], dict(rule), *rules[at + 1 :]]
    try:
        return scenario_from_parts({**scenario.parts, "rules": changed}), []
    except ScenarioInvalid as error:
        return None, [_fault(fault, at) for fault in error.faults]


def _inputs(
    scenario: Scenario, lists: Lists, rows: Sequence[Row[Any]]
) -> Iterator[tuple[Row[Any], list[Any]]]:
    """Each stored event with the values its rules saw, from the vector that was frozen then."""
    personal = frozenset(field.name for field in scenario.fields if field.pii)
    see = see_of(scenario, personal, Derive(scenario) if scenario.derived else None)
    windows = tuple(window.name for window in scenario.windows)
    written = {f.name: f.expression for f in scenario.features if f.expression is not None}
    columns = tuple(field.name for field in scenario.all_fields)
    complete = compile_row(written, columns + windows)
    memberships = Memberships(scenario, lists)
    for row in rows:
        _, inputs = see(row_values(row)[0])
        inputs += np.frombuffer(row.vector)[: len(windows)].tolist()
        inputs += complete(inputs)
        inputs.append(NAN if row.risk_score is None else row.risk_score)
        inputs += memberships.one(inputs, int(row.arrival), row.arrived_at_us, True)
        yield row, inputs


def _example(row: Row[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "event_id": row.event_id,
        "event_time": show_time(row.event_time_us),
        "outcome": LADDER[row.outcome].value,
        "risk_score": row.risk_score,
        "values": dict(values),
    }


def _fault(fault: Fault, at: int) -> dict[str, Any]:
    """A fault by its place within the rule, with the column of its expression where it names one."""
    found = _PLACE.match(fault.where)
    inside = found is not None and int(found[1]) == at
    where = fault.where[found.end() :] if found and inside else fault.where
    named = _QUOTED.search(fault.expected)
    told = replace(fault, where=where or "rule", file="", line=0).as_dict()
    return {**told, **({"column": int(named[1])} if named else {})}
