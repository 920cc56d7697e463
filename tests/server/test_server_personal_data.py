"""Raw personal values are in one table; everything else holds their keys."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

import pytest

from riskloom.bundle import Bundle
from riskloom.privacy import protect
from riskloom.scenario.load import load_scenario, scenario_from_parts
from support.databases import TABLES, Database
from support.events import payment
from support.replay import check_log
from support.server import serving

USER, IP = "jane.roe@example.com", "198.51.100.77"


def hashed(field: str, value: str) -> str:
    return "key-" + hashlib.blake2b(f"{field} {value}".encode(), digest_size=12).hexdigest()


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key function that can be told from the identity, and does not survive being used twice."""
    import riskloom.derived as derived
    import riskloom.routing as routing
    import riskloom.server.alerts.people as people
    import riskloom.server.decisions.record as record
    import riskloom.server.decisions.service as service

    for module in (protect, derived, record, service, routing, people):
        monkeypatch.setattr(module, "key_of", hashed)


@pytest.fixture(scope="module")
def telltale() -> Bundle:
    """A scenario whose rules quote personal fields in their values."""
    from riskloom.bundle import make_bundle

    parts = dict(load_scenario("card_payments").parts)
    parts["rules"] = [
        {
            "code": "QUOTES_ALL",
            "when": "user_tx_count_5m >= 2",
            "severity": "low",
            "action": "flag",
            "message": "{user_id} from {ip}: {value}",
            "value": "user_id",
            "usual": "ip",
            "evidence": "user_tx_count_5m",
        }
    ]
    return make_bundle(scenario_from_parts(parts), None)


def events(count: int) -> list[dict[str, Any]]:
    return [payment(f"e-{n}", user_id=USER, ip=IP, amount=n + 1) for n in range(count)]


def everywhere(database: Database) -> dict[str, str]:
    """The content of every table, and of every file in the data folder, as text."""
    found = {table: repr(database.rows(f"select * from {table}")) for table in TABLES}  # noqa: S608
    for path in database.data_dir.rglob("*"):
        if path.is_file():
            found[str(path)] = path.read_bytes().decode("latin-1")
    return found


@pytest.mark.usefixtures("keys")
def test_raw_values_are_in_the_one_table_only(
    database: Database, telltale: Bundle, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(database, telltale) as server:
        for event in events(5):
            server.score(event)
        server.post("/ingest", payment("open", user_id=USER, ip=IP))
        server.post("/score-by-event-id", {"event_id": "open"})
        server.post("/score", payment("e-0", user_id=USER, ip=IP, amount=7))
        server.post("/score", payment("bad", user_id=USER, ip=IP, amount=-7))
    found = everywhere(database)
    assert any("state.npz" in name for name in found)
    with_raw = {name for name, text in found.items() if USER in text or IP in text}
    assert with_raw == {"personal_data"}
    assert hashed("user_id", USER) in found["events"]
    assert hashed("ip", IP) in found["decisions"], "the rule quotes it"
    said = caplog.text + "".join(capsys.readouterr())
    assert USER not in said
    assert IP not in said


@pytest.mark.usefixtures("keys")
def test_clients_see_what_they_sent_and_find_it_by_it(database: Database, telltale: Bundle) -> None:
    with serving(database, telltale) as server:
        for event in events(3):
            assert server.score(event)["event"] == event
        assert server.score(events(3)[2])["event"] == events(3)[2]
        assert [item["event"] for item in server.get("/api/v1/events").json()["items"]] == events(3)[::-1]
        assert len(server.get("/api/v1/decisions", params={"user_id": USER}).json()["items"]) == 3
        assert len(server.get("/scores", params={"user_id": USER}).json()) == 3
        assert server.get("/scores", params={"user_id": hashed("user_id", USER)}).json() == []
        answer = server.post("/score", payment("e-0", user_id=USER, ip="198.51.100.78", amount=1))
        assert answer.json()["difference"] == {"ip": {"stored": IP, "sent": "198.51.100.78"}}


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("keeps_snapshot", [True, False])
def test_a_restart_rebuilds_the_same_state_from_keys(
    database: Database, telltale: Bundle, keeps_snapshot: bool
) -> None:
    for part in range(3):
        with serving(database, telltale) as server:
            for event in events(6)[2 * part : 2 * part + 2]:
                server.score(event)
            server.post("/ingest", payment(f"open-{part}", user_id=USER, ip=IP))
        if not keeps_snapshot:
            for path in database.data_dir.rglob("state.npz"):
                path.unlink()
    with serving(database, telltale) as server:
        late = server.post("/score-by-event-id", {"event_id": "open-2"}).json()
        assert late["flagged"], "the windows of this customer go on after the restart"
    check_log(database, telltale)
