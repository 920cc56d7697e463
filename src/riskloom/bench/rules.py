"""Twenty rules, one of them asking a list: on one event, and over columns; and the policy behind them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.bench.history import DAYS, SEED, bodies, events
from riskloom.bench.report import Figure, Part
from riskloom.bench.sizes import Sizes
from riskloom.bundle import make_bundle
from riskloom.domain.event import Event
from riskloom.pipeline import Pipeline
from riskloom.scenario.load import load_scenario, scenario_from_parts
from riskloom.scenario.scenario import RISK_SCORE, Scenario

ONE_US, EVENTS_A_SECOND = 5.0, 500_000.0
RULES = 20
SIMULATED = 20_000
GROUP = 500
_PACKS = ("card_testing", "account_takeover", "impossible_travel", "stolen_card_spree")
_LISTS = [{"name": "risky", "of": "merchant_category", "entries": ["electronics", "jewelry", "gaming"]}]
_ASKS = {"code": "RISKY", "when": "amount > 500 and merchant_category in @risky", "message": "m"}


def measure(sizes: Sizes, folder: Path, say: Callable[[str], None]) -> Part:
    """Evaluate the rules of card payments, four packs and a list on simulated payments, by processor time."""
    say("rules: simulated payments")
    scenario = twenty_rules()
    pipeline = Pipeline(make_bundle(scenario, None))
    rows, columns = _inputs(pipeline, scenario, _payments(scenario))
    groups = [rows[begin : begin + GROUP] for begin in range(0, len(rows) - GROUP + 1, GROUP)]
    pipeline.rules.evaluate_many(columns)
    rates = [len(rows) / _seconds(pipeline.rules.evaluate_many, columns) for _ in range(7)]
    one = float(np.median([_seconds(_each, pipeline.rules.evaluate_one, group) for group in groups]))
    deciding = [_seconds(_decide_each, pipeline, group) for group in groups]
    note = f"{len(scenario.rules)} rules, one asks a list"
    return Part(
        "rules",
        [
            Figure("rules, one event (mean)", one / GROUP * 1e6, "µs", ONE_US, note=note),
            Figure(
                "rules, columns",
                float(np.median(rates)),
                "events/s",
                EVENTS_A_SECOND,
                at_most=False,
                note=note,
            ),
            Figure("rules and policy, one event (mean)", float(np.median(deciding)) / GROUP * 1e6, "µs"),
            Figure("a list asked, one event (mean)", _asking(pipeline, columns) * 1e6, "µs"),
        ],
    )


def twenty_rules() -> Scenario:
    """Card payments with twenty rules."""
    parts: dict[str, Any] = dict(load_scenario("card_payments").parts)
    parts["lists"] = _LISTS
    parts["rules"] = {"include": list(_PACKS), "rules": [_ASKS, *parts["rules"]]}
    parts["rules"] = scenario_from_parts(parts).parts["rules"][:RULES]
    return scenario_from_parts(parts)


def _payments(scenario: Scenario) -> list[Event]:
    now_us = 20_000 * 86_400_000_000
    listed = bodies(scenario, SIMULATED, seed=SEED, days=DAYS, end_us=now_us, users=2_000)
    return [event for chunk in events(scenario, listed) for event in chunk]


def _inputs(
    pipeline: Pipeline, scenario: Scenario, listed: list[Event]
) -> tuple[list[list[Any]], dict[str, npt.NDArray[Any]]]:
    """The rule inputs of events, row by row and as columns; every tenth is on the list."""
    _, columns, _ = pipeline.compute_many(listed, 1)
    columns[RISK_SCORE] = np.linspace(0.0, 100.0, len(listed))
    for name in scenario.rule_inputs[scenario.rule_inputs.index(RISK_SCORE) + 1 :]:
        columns[name] = (np.arange(len(listed)) % 10 == 0).astype(np.int8)
    rows = zip(*(columns[name].tolist() for name in scenario.rule_inputs), strict=True)
    return [list(row) for row in rows], columns


def _asking(pipeline: Pipeline, columns: dict[str, npt.NDArray[Any]]) -> float:
    """Seconds of one look in a list."""
    holds, values = pipeline.lists.reader("risky"), columns["merchant_category"].tolist()
    before = time.process_time()
    for value in values:
        holds(value, 1, 0)
    return (time.process_time() - before) / len(values)


def _each(evaluate: Callable[[list[Any]], list[int]], rows: list[list[Any]]) -> None:
    for row in rows:
        evaluate(row)


def _decide_each(pipeline: Pipeline, rows: list[list[Any]]) -> None:
    evaluate, decide = pipeline.rules.evaluate_one, pipeline.deciding.one
    for row in rows:
        decide(0, evaluate(row), row, 50.0, None)


def _seconds(work: Callable[..., object], *given: object) -> float:
    before = time.process_time()
    work(*given)
    return time.process_time() - before
