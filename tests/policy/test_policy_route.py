"""Routing: which queue an alert waits in, and what its priority is made of."""

from __future__ import annotations

import pytest

from riskloom.domain.analyst import Analyst
from riskloom.expression.check import check
from riskloom.expression.tree import Type
from riskloom.policy.route import SAID, AlertSpec, Queue, Router, Said, Urgency, gravest, may_work

CODES = ("FAST", "FAR")
TYPES = {"amount": Type.NUMBER, "risk_score": Type.NUMBER, **SAID, **dict.fromkeys(CODES, Type.BOOLEAN)}


def router(spec: AlertSpec, names: tuple[str, ...] = ("amount",)) -> Router:
    return Router(spec, names, CODES)


def queue(name: str, when: str, **more: object) -> Queue:
    return Queue(name, check(when, TYPES), **more)  # type: ignore[arg-type]


SPEC = AlertSpec(
    queues=(
        queue("far", "FAR", severity="critical", urgency=3.0),
        queue("large", "amount >= 100 and severity == 'high'"),
        queue("sure", "probability > 0.9 or risk_score > 99 or outcome == 'REJECTED'"),
        Queue("rest"),
    ),
    urgency=(Urgency(check("FAST", TYPES), 2.0), Urgency(check("amount > 500", TYPES), 5.0)),
    unknown_amount=7.0,
)


@pytest.mark.parametrize(
    ("amount", "said", "expected"),
    [
        (10.0, Said("FLAGGED", {"FAST": "low"}), "rest"),
        (10.0, Said("FLAGGED", {"FAR": "low", "FAST": "high"}), "far"),
        (100.0, Said("FLAGGED", {"FAST": "high"}), "large"),
        (99.0, Said("FLAGGED", {"FAST": "high"}), "rest"),
        (10.0, Said("REJECTED", {"FAST": "low"}), "sure"),
        (10.0, Said("FLAGGED", {"FAST": "low"}, probability=0.95), "sure"),
        (10.0, Said("FLAGGED", {"FAST": "low"}, risk_score=99.5), "sure"),
    ],
)
def test_the_first_queue_whose_condition_is_met_gets_it(amount: float, said: Said, expected: str) -> None:
    assert router(SPEC).route_one([amount], said).queue == expected


def test_the_expected_loss_is_chance_times_amount() -> None:
    work = router(SPEC)
    assert work.route_one([0.0], Said("FLAGGED", {}, probability=0.25, amount=80.0)).expected_loss == 20.0
    assert work.route_one([0.0], Said("FLAGGED", {}, probability=0.5)).expected_loss == 3.5
    assert work.route_one([0.0], Said("FLAGGED", {}, probability=0.5, amount=-8.0)).expected_loss == 4.0


def test_without_a_probability_the_gravest_reason_stands_for_the_chance() -> None:
    said = Said("FLAGGED", {"FAST": "medium", "FAR": "high"}, amount=100.0)
    assert router(SPEC).route_one([0.0], said).expected_loss == pytest.approx(30.0)


def test_what_is_urgent_multiplies() -> None:
    route = router(SPEC).route_one([501.0], Said("FLAGGED", {"FAST": "low", "FAR": "low"}))
    assert (route.urgency, route.severity) == (30.0, "critical")


def test_a_field_called_like_a_code_is_the_field() -> None:
    spec = AlertSpec(queues=(queue("far", "FAR"), Queue("rest")))
    assert router(spec, ("FAR",)).route_one([False], Said("FLAGGED", {"FAR": "low"})).queue == "rest"


def test_severities_rise_as_they_are_listed() -> None:
    assert gravest(["high", "low", "medium"]) == "high"


def test_an_analyst_works_where_skill_limit_and_queues_allow() -> None:
    spec = AlertSpec(queues=(Queue("senior", skill="senior"), Queue("rest")))
    assert may_work(Analyst("ana", skills=("senior",)), "senior", spec) == ""
    assert "asks for the skill senior" in may_work(Analyst("ana"), "senior", spec)
    limited = Analyst("ana", limit_minor=100)
    assert [may_work(limited, "rest", spec, amount) for amount in (None, 100)] == ["", ""]
    assert "above their limit" in may_work(limited, "rest", spec, 101)
    assert "do not work in the queue rest" in may_work(Analyst("ana", queues=("senior",)), "rest", spec)
    assert may_work(Analyst("ana"), "declared no more", spec) == ""
