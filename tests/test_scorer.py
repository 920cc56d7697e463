"""The notebook's door: one event, a list, a table of pandas, polars or pyarrow; all faults, no surprises."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import riskloom
from riskloom.bundle import Bundle, write_bundle
from riskloom.clock import FixedClock
from riskloom.domain.show import show_time
from riskloom.errors import BundleInvalid, DataInvalid, EventInvalid, NotFound
from riskloom.pipeline import Pipeline
from riskloom.scorer import Scorer
from support.events import NOW_US, SECOND_US, burst, history, payment


@pytest.fixture
def scorer(bundle: Bundle) -> Scorer:
    """Card payments by rules alone, from nothing."""
    return Scorer(bundle, clock=FixedClock(NOW_US))


def test_a_scenario_and_a_bundle_load_by_name_and_folder(trained: Bundle, tmp_path: Path) -> None:
    assert riskloom.load("card_payments").score(payment())["degraded"] == ["no_model"]
    answer = riskloom.load(write_bundle(trained, tmp_path / "b")).score(payment())
    assert 0 <= answer["risk_score"] <= 100
    assert answer["degraded"] == []


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="card_payments"):
        riskloom.load("card_payment")
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(BundleInvalid):
        riskloom.load(tmp_path)


def test_a_burst_is_flagged_with_the_events_behind_it(scorer: Scorer) -> None:
    answers = scorer.score(burst(6))
    assert [answer["outcome"] for answer in answers] == ["APPROVED"] * 4 + ["FLAGGED"] * 2
    reason = next(reason for reason in answers[4]["reasons"] if reason["code"] == "VELOCITY_5M")
    assert reason["evidence"] == ["b-0", "b-1", "b-2", "b-3"]
    assert reason["message"].startswith("4 payments in the 5 minutes before this one")
    assert reason["severity"] == "high"


def test_one_after_the_other_is_the_list_and_the_pipeline(trained: Bundle) -> None:
    rows = history(150)
    one, many = Scorer(trained), Scorer(trained)
    answers = [one.score(row) for row in rows]
    assert answers == many.score(rows)
    schema = trained.scenario.schema(ignore_unknown=True)
    import msgspec

    from riskloom.domain.event import decode_json

    events = [schema.parse_one(decode_json(msgspec.json.encode(row)), 1 << 60, make_id=str) for row in rows]
    decisions = Pipeline(trained).decisions(
        [type(event)(event.id, event.time_us, event.time_us, event.values, event.sent) for event in events], 1
    )
    assert [answer["risk_score"] for answer in answers] == [decision.risk_score for decision in decisions]


def test_on_request_approved_events_say_what_raised_their_scores(trained: Bundle) -> None:
    rows = history(150)
    plain, asked = Scorer(trained).score(rows), Scorer(trained).score(rows, explain=True)
    approved = [at for at, answer in enumerate(plain) if not answer["flagged"]]
    assert approved
    assert all(not plain[at]["contributions"] and asked[at]["contributions"] for at in approved)
    assert all(part > 0 for answer in asked for part in answer["contributions"].values())
    assert [answer | {"contributions": {}} for answer in asked] == [
        answer | {"contributions": {}} for answer in plain
    ]
    flagged = [at for at, answer in enumerate(plain) if answer["flagged"]]
    assert [asked[at] for at in flagged] == [plain[at] for at in flagged]


def test_without_a_model_there_is_nothing_to_explain(scorer: Scorer) -> None:
    assert scorer.score(payment(), explain=True)["contributions"] == {}


def tables() -> list[Callable[[list[dict[str, Any]]], Any]]:
    """Ways to make a table of rows."""
    import pandas as pd
    import polars as pl

    return [pa.Table.from_pylist, pd.DataFrame, pl.DataFrame, tuple]


@pytest.mark.parametrize("make", tables(), ids=["pyarrow", "pandas", "polars", "tuple"])
def test_a_table_is_scored_like_its_rows(bundle: Bundle, make: Callable[[list[dict[str, Any]]], Any]) -> None:
    rows = [{**payment(f"e{at}"), "merchant_category": None if at % 2 else "food"} for at in range(4)]
    assert Scorer(bundle).score(make(rows)) == Scorer(bundle).score(rows)


def test_values_of_tables_are_understood(scorer: Scorer) -> None:
    import pandas as pd

    plain = scorer.score(payment("a"))
    typed = payment(
        "a",
        timestamp=pd.Timestamp("2026-01-01", tz="UTC"),
        amount=Decimal("12.50"),
        lat=np.float64(51.5),
        lon=np.float32(-0.5),
        user_id=np.str_("ann"),
        merchant_category=pd.NA,
    )
    answer = scorer.score(typed)
    assert answer["outcome"] == plain["outcome"]
    scorer.score(
        payment("b", timestamp=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), merchant_category=pd.NaT)
    )
    scorer.score(payment("c", merchant_category=float("nan")))


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, "\ud800", 10**400, np.zeros(3), float("inf"), b"x", [1], lambda: 1, 3 + 4j]
)
def test_a_value_that_no_event_has_is_a_fault(scorer: Scorer, value: Any) -> None:
    with pytest.raises(EventInvalid):
        scorer.score(payment(amount=value))
    with pytest.raises(EventInvalid):
        scorer.score(payment(user_id=value))


@pytest.mark.parametrize("data", [None, 3, "text", [1], [payment(), 3], object()])
def test_what_is_no_table_is_refused(scorer: Scorer, data: Any) -> None:
    with pytest.raises(DataInvalid):
        scorer.score(data)


def test_all_faults_of_a_table_come_at_once_and_nothing_is_taken_in(scorer: Scorer) -> None:
    rows = burst(6)
    rows[1]["lat"], rows[4]["amount"] = 91, "x"
    with pytest.raises(EventInvalid) as caught:
        scorer.score(rows)
    assert [fault.where for fault in caught.value.faults] == ["events[1].lat", "events[4].amount"]
    assert scorer.score(burst(6)[5])["reasons"] == []


def test_an_empty_table_gives_no_answers(scorer: Scorer) -> None:
    assert scorer.score([]) == []


def test_an_event_without_time_and_id_happens_now(bundle: Bundle) -> None:
    clock = FixedClock(NOW_US)
    scorer = Scorer(bundle, clock=clock)
    bare = {name: value for name, value in payment().items() if name not in ("event_id", "timestamp")}
    names = set()
    for at in range(6):
        clock.time_us = NOW_US + at * SECOND_US
        answer = scorer.score(bare)
        names.add(answer["event_id"])
    assert len(names) == 6
    assert answer["outcome"] == "FLAGGED"


def test_history_of_any_age_is_welcome_and_too_late_is_said(scorer: Scorer) -> None:
    scorer.score(payment("new", timestamp=show_time(NOW_US)))
    old = payment("old", timestamp="1999-06-01T00:00:00Z")
    assert "too_late" not in Scorer(scorer.bundle).score(old)["degraded"]
    assert "no_model" in scorer.score(old)["degraded"]


def test_fields_beside_the_declared_ones_are_passed_over(scorer: Scorer) -> None:
    scorer.score({**payment(), "is_fraud": 1, "note": {"any": ["thing"]}})
