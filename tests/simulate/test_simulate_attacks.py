from __future__ import annotations

from typing import Any

import pytest

from riskloom.errors import ParameterInvalid
from riskloom.simulate.attacks import KINDS, attack
from riskloom.simulate.cards import COLUMNS, EVENT_COLUMNS, simulate
from riskloom.simulate.world.payment import read_time_us
from riskloom.simulate.world.places import distance_km

Rows = list[dict[str, Any]]
HOUR_US = 3_600_000_000


@pytest.fixture(scope="module")
def honest() -> Rows:
    return [dict(row) for row in simulate(6000, 7, fraud_share=0)]


@pytest.fixture(scope="module")
def history(honest: Rows) -> Rows:
    # Somebody at home in a busy place, with the last payment not the last of all.
    user = honest[-1]["user_id"]
    return [row for row in honest if row["user_id"] == user]


def after(history: Rows, hours: int = 6) -> int:
    return read_time_us(history[-1]["timestamp"]) + hours * HOUR_US


def micro(row: dict[str, Any]) -> tuple[int, int]:
    return round(row["lat"] * 1e6), round(row["lon"] * 1e6)


@pytest.mark.parametrize("kind", KINDS)
def test_normal_payments_come_before_the_attack_and_are_the_victims_own(kind: str, history: Rows) -> None:
    at_us = after(history)
    rows = attack(kind, history, at_us, 3, normal=4, size=6)
    assert [row["fraud_kind"] for row in rows] == [""] * 4 + [kind] * 6
    assert all(tuple(row) == COLUMNS for row in rows)
    times = [read_time_us(row["timestamp"]) for row in rows]
    assert times == sorted(times)
    assert read_time_us(history[-1]["timestamp"]) < times[0]
    assert times[3] < at_us == pytest.approx(times[4], abs=1000)
    for field in ("merchant_id", "device_id", "ip", "currency"):
        assert {row[field] for row in rows[:4]} <= {row[field] for row in history}
    assert {row["user_id"] for row in rows} == {history[0]["user_id"]}


@pytest.mark.parametrize("kind", KINDS)
def test_an_attack_is_the_same_for_a_seed_and_its_ids_are_its_own(kind: str, history: Rows) -> None:
    at_us = after(history)
    first = attack(kind, history, at_us, 3)
    assert first == attack(kind, history, at_us, 3)
    assert first == attack(kind, list(reversed(history)), at_us, 3)
    others = [attack(kind, history, at_us, 4), attack(kind, history, at_us + HOUR_US, 3)]
    others += [attack(other, history, at_us, 3) for other in KINDS if other != kind]
    ids = {row["event_id"] for row in first}
    assert len(ids) == len(first)
    assert all(not ids & {row["event_id"] for row in other} for other in others)


def test_an_account_takeover_has_a_new_device_and_address_a_jump_and_large_amounts(history: Rows) -> None:
    rows = attack("account_takeover", history, after(history), 5, size=5)
    normal, fraud = rows[:5], rows[5:]
    for field in ("device_id", "ip"):
        assert not {row[field] for row in fraud} & {row[field] for row in history}
    assert distance_km(*micro(normal[-1]), *micro(fraud[0])) > 1400
    usual = sorted(float(row["amount"]) for row in history if row["currency"] == fraud[0]["currency"])
    assert max(float(row["amount"]) for row in fraud) > 3.5 * usual[len(usual) // 2]


def test_a_colluding_merchant_takes_from_all_customers_of_the_history(honest: Rows) -> None:
    last = honest[-300:]
    rows = attack("colluding_merchant", last, after(last), 5, normal=0, size=12)
    assert len({row["user_id"] for row in rows}) == 12
    assert len({row["merchant_id"] for row in rows}) == 1


def test_a_spree_without_a_card_payment_in_the_history_still_works(history: Rows) -> None:
    online = [row for row in history if row["channel"] == "online"][:1]
    for seed in range(6):
        rows = attack("stolen_card_spree", online, after(online), seed, normal=1)
        assert rows[0]["device_id"] == online[0]["device_id"]


def test_history_may_lack_labels_ids_and_categories_and_hold_texts_for_places(history: Rows) -> None:
    bare = [{name: row[name] for name in EVENT_COLUMNS if name != "event_id"} for row in history]
    for row in bare:
        row["merchant_category"] = None
        row["lat"] = str(row["lat"])
    rows = attack("card_testing", bare, after(history), 1, normal=2)
    assert rows[0]["merchant_category"] is None
    assert isinstance(rows[0]["lat"], float)


def test_all_faults_are_told_at_once(history: Rows) -> None:
    with pytest.raises(ParameterInvalid) as caught:
        attack("card_testin", [{**history[0], "amount": None}], -1, -1, normal=-1, size=0)
    faults = {fault.where: fault for fault in caught.value.faults}
    assert set(faults) == {"kind", "history[0]", "at_us", "seed", "normal", "size"}
    assert "card_testing" in faults["kind"].hint
    assert "amount" in faults["history[0]"].expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timestamp", "yesterday"),
        ("timestamp", "2024-01-01T00:00:00"),
        ("amount", "12,50"),
        ("currency", "XXX"),
    ],
)
def test_an_unreadable_payment_is_named(history: Rows, field: str, value: str) -> None:
    with pytest.raises(ParameterInvalid) as caught:
        attack("card_testing", [history[0], {**history[1], field: value}], after(history), 1)
    assert [fault.where for fault in caught.value.faults] == ["history[1]"]


def test_an_attack_before_the_last_payment_is_refused(history: Rows) -> None:
    with pytest.raises(ParameterInvalid) as caught:
        attack("card_testing", history, after(history, 0), 1)
    assert caught.value.faults[0].where == "at_us"


def test_no_history_is_refused() -> None:
    with pytest.raises(ParameterInvalid, match="at least one payment"):
        attack("card_testing", [], 10**15, 1)
