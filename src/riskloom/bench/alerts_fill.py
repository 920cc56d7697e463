"""A full queue, written by SQL: decisions, some of them flagged, and the alerts that they are in."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from riskloom.bundle import Bundle, make_bundle
from riskloom.scenario.load import load_scenario
from riskloom.server.bundles import BundleTexts
from riskloom.server.db import database_url, open_engine, upgrade

DAY_US = 86_400_000_000
MOST_MEMBERS = 4
_FIELDS = (
    '{"event_id":"e","timestamp":0,"user_id":"u","merchant_id":"m","merchant_category":null,"amount":1250,'
    '"currency":"USD","lat":0,"lon":0,"device_id":"d","ip":"203.0.113.7","channel":"online"}'
)
_REASON = '[{"code":"VELOCITY_5M","severity":"high","values":{"value":7,"usual":2},"evidence":['
Columns = Mapping[str, str]


def fill_queue(url: str, folder: Path, decisions: int, alerts: int) -> None:
    """Fill an empty database; four of ten alerts are closed, each has up to four events.

    The events lie half a year back, so that a server that starts has no window to fill.
    """
    bundle = make_bundle(load_scenario("card_payments"), None)
    now_us = time.time_ns() // 1000
    engine = open_engine(database_url(url))
    upgrade(engine)
    BundleTexts(engine, folder / "bundles").remember(bundle, now_us)
    is_postgres = engine.dialect.name == "postgresql"
    blob = "'\\x00'::bytea" if is_postgres else "x'00'"
    every = decisions // alerts
    members = min(MOST_MEMBERS, every)
    flagged = f"i % {every} between 1 and {members}"
    old_us = now_us - 200 * DAY_US
    member = {"arrival": "i", "alert_id": f"i - (i % {every}) + 1"}
    statements = (
        _insert("events", _events(bundle, every, old_us, blob), "1 = 1"),
        _insert("decisions", _decisions(bundle, flagged, old_us), "1 = 1"),
        _insert("alert_events", member, flagged),
        _insert("alerts", _alerts(bundle, every, members, now_us), f"i % {every} = 1"),
    )
    counted = f"with recursive n(i) as (select 1 union all select i + 1 from n where i < {decisions}) "  # noqa: S608
    if is_postgres:
        counted = f"with n(i) as (select generate_series(cast(1 as bigint), {decisions})) "
    connection = engine.raw_connection()
    driver: Any = connection.driver_connection
    for statement in statements:
        driver.execute(counted + statement)
    driver.commit()
    if is_postgres:
        driver.autocommit = True
    driver.execute("vacuum analyze" if is_postgres else "analyze")
    connection.close()
    engine.dispose()


def _events(bundle: Bundle, every: int, old_us: int, blob: str) -> Columns:
    return {
        "arrival": "i",
        "scenario": f"'{bundle.scenario.name}'",
        "event_id": "'e' || i",
        "entity_key": f"'u' || (i / {every} % 20000)",
        "event_time_us": f"{old_us} + i",
        "arrived_at_us": f"{old_us} + i",
        "digest": blob,
        "fields": f"'{_FIELDS}'",
        "sent": "'{}'",
        "vector": blob,
        "features": f"'{bundle.scenario.fingerprint('features')}'",
        "degraded": "'[]'",
    }


def _decisions(bundle: Bundle, flagged: str, old_us: int) -> Columns:
    return {
        "arrival": "i",
        "scenario": f"'{bundle.scenario.name}'",
        "decided_at_us": f"{old_us} + i",
        "outcome": f"case when {flagged} then 1 else 0 end",
        "reasons": f"case when {flagged} then '{_REASON}' || i || ']}}]' else '[]' end",
        "bundle": f"'{bundle.fingerprint}'",
        "degraded": "'[]'",
    }


def _alerts(bundle: Bundle, every: int, members: int, now_us: int) -> Columns:
    number = f"(i / {every})"
    of_ten, of_seven = f"{number} % 10", f"{number} % 7"
    chance = f"({number} * 7919 % 100003)"
    opened = f"{now_us} - ({number} % 40000) * 60000000"
    return {
        "id": "i",
        "scenario": f"'{bundle.scenario.name}'",
        "entity": "'user_id'",
        "entity_key": f"'u' || ({number} % 20000)",
        "state": f"case when {of_ten} < 4 then 'open' when {of_ten} = 4 then 'claimed' when {of_ten} = 5"
        f" then 'snoozed' when {of_ten} < 9 then 'resolved' else 'auto_closed' end",
        "queue": f"case {of_seven} when 0 then 'takeover' when 1 then 'senior' else 'payments' end",
        "severity": f"case {of_seven} when 0 then 'critical' else 'high' end",
        "reasons": f"case {number} % 3 when 0 then '[\"CARD_TESTING\"]'"
        ' else \'["VELOCITY_5M","NEW_IP"]\' end',
        "outcome": "1",
        "priority": f"{chance} * 1.0",
        "expected_loss": f"{chance} * 0.5",
        "urgency": "2.0",
        "amount_minor": chance,
        "events": str(members),
        "first_arrival": "i",
        "last_arrival": f"i + {members - 1}",
        "opened_at_us": opened,
        "last_at_us": opened,
        "changed_at_us": opened,
        "claimed_by": f"case {of_ten} when 4 then 'ana' else null end",
        "lease_until_us": f"case {number} % 20 when 4 then {now_us} + 3600000000 else {now_us} end",
        "snoozed_until_us": f"{now_us} + ({number} % 100 - 50) * 60000000",
        "closed_at_us": f"case when {of_ten} >= 6 then {opened} + 3600000000 else null end",
    }


def _insert(table: str, columns: Columns, condition: str) -> str:
    """A row for each of the numbers that meet a condition."""
    names, values = ", ".join(columns), ", ".join(columns.values())
    return f"insert into {table} ({names}) select {values} from n where {condition}"  # noqa: S608 - our own
