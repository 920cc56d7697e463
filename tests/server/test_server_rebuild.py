"""State is derived: from a snapshot or from the log, after a restart the next event sees the same."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from riskloom.bundle import Bundle
from riskloom.clock import FixedClock
from riskloom.features.state import WindowState
from riskloom.server.db import database_url, open_engine
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.rebuild import Snapshots, _without_collector, decoder
from support.databases import Database
from support.events import NOW_US, at, burst, history, payment
from support.replay import check_log
from support.server import serving

DAY_US = 86_400_000_000


def snapshot_of(database: Database) -> Path:
    """The one snapshot of a data folder."""
    (found,) = database.data_dir.rglob("state.npz")
    return found


def no_change(_path: Path) -> None:
    pass


def delete(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.write_bytes(b"PK\x05\x06" + b"\0" * 18)


@pytest.mark.parametrize(
    ("kind", "harm"),
    [("postgresql", no_change), ("postgresql", delete)]
    + [("sqlite", harm) for harm in (no_change, delete, cut, flip, empty, foreign)],
)
def test_a_restart_goes_on_as_if_there_had_been_none(
    make_database: Callable[[str], Database], trained: Bundle, kind: str, harm: Callable[[Path], None]
) -> None:
    database = make_database(kind)
    events = history(240)
    for part in range(3):
        with serving(database, trained) as server:
            answer = server.post("/api/v1/score/batch", {"events": events[80 * part : 80 * part + 80]})
            assert [result["arrival"] for result in answer.json()["results"]] == list(
                range(80 * part + 1, 80 * part + 81)
            )
        harm(snapshot_of(database))
    assert check_log(database, trained) == [event["event_id"] for event in events]


def test_the_snapshot_is_used_and_only_the_log_behind_it_is_read(
    database: Database, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(database, bundle) as server:
        server.post("/api/v1/score/batch", {"events": history(50)})
    older = snapshot_of(database).read_bytes()
    with serving(database, bundle) as server:
        server.post("/api/v1/score/batch", {"events": burst(5)})
    snapshot_of(database).write_bytes(older)
    seen: list[int] = []
    original = WindowState.run_many

    def counting(self: WindowState, time_us: Any, *rest: Any, **named: Any) -> Any:
        seen.append(len(time_us))
        return original(self, time_us, *rest, **named)

    monkeypatch.setattr(WindowState, "run_many", counting)
    with serving(database, bundle) as server:
        assert server.score(payment("next", timestamp=at(6)))["flagged"]
    assert seen == [5]
    monkeypatch.undo()
    check_log(database, bundle)


def test_a_snapshot_of_another_database_is_not_used(
    make_database: Callable[[str], Database], bundle: Bundle
) -> None:
    one, other = make_database("sqlite"), make_database("sqlite")
    with serving(one, bundle) as server:
        server.post("/api/v1/score/batch", {"events": [*burst(9), payment("last", timestamp=at(20))]})
    born_later = FixedClock(NOW_US + 1)
    strangers = [payment(f"s-{n}", user_id=f"u-{n}", timestamp=at(n)) for n in range(9)]
    with serving(other, bundle, clock=born_later) as server:
        born_later.time_us -= 1
        server.post("/api/v1/score/batch", {"events": [*strangers, payment("last", timestamp=at(20))]})
    shutil.copy(snapshot_of(one), snapshot_of(other))
    with serving(other, bundle) as server:
        assert not server.score(payment("next", timestamp=at(21)))["flagged"], "ann paid once here"
    check_log(other, bundle)


def test_a_snapshot_newer_than_a_restored_database_is_not_used(
    make_database: Callable[[str], Database], bundle: Bundle, tmp_path: Path
) -> None:
    database = make_database("sqlite")
    with serving(database, bundle) as server:
        server.post("/api/v1/score/batch", {"events": burst(3)})
    shutil.copy(database.file, tmp_path / "backup.db")
    with serving(database, bundle) as server:
        server.post("/api/v1/score/batch", {"events": burst(6, "lost", start_s=3)})
    for ending in ("-wal", "-shm"):
        Path(f"{database.file}{ending}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", database.file)
    with serving(database, bundle) as server:
        assert server.score(payment("next", timestamp=at(10)))["arrival"] == 4
    assert check_log(database, bundle) == ["b-0", "b-1", "b-2", "next"]


def test_the_log_is_read_into_columns_and_what_it_lacks_is_missing() -> None:
    columns_of = decoder(["user_id", "if", "amount"])
    texts = ['{"amount":5,"user_id":"ü","more":[1]}', '{"if":null}', '{"user_id":"b","if":true,"amount":-7}']
    assert columns_of(texts) == {
        "user_id": ["ü", None, "b"],
        "if": [None, None, True],
        "amount": [5, None, -7],
    }


def test_the_collector_of_cycles_works_again_after_a_recovery_that_failed() -> None:
    def chunks() -> Iterator[list[tuple[Any, ...]]]:
        yield [(1,)]
        raise OSError

    with pytest.raises(OSError):
        list(_without_collector(chunks()))
    assert gc.isenabled()


def test_a_clock_that_was_set_back_loses_nothing(database: Database, bundle: Bundle) -> None:
    clock = FixedClock(NOW_US)
    with serving(database, bundle, clock=clock) as server:
        server.post("/api/v1/score/batch", {"events": burst(4)})
        clock.time_us += 400 * DAY_US
        server.score(payment("future", timestamp=None, user_id="bob"))
        clock.time_us = NOW_US + 5_000_000
        server.score(payment("back", timestamp=at(5)))
    snapshot_of(database).unlink()
    with serving(database, bundle, clock=clock) as server:
        server.score(payment("next", timestamp=at(6)))
        server.score(payment("bob", timestamp=at(6), user_id="bob"))
    check_log(database, bundle)


def test_what_no_window_reaches_is_not_read_and_not_missed(
    database: Database, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FixedClock(NOW_US)
    with serving(database, bundle, clock=clock) as server:
        for days in (0, 60, 95, 98, 150, 200):
            clock.time_us = NOW_US + days * DAY_US
            server.score(payment(f"d-{days}", timestamp=None))
    snapshot_of(database).unlink()
    read: list[int] = []
    original = DecisionRepo.log

    def counting(self: DecisionRepo, after: int, since_us: int, *more: Any) -> Any:
        for rows in original(self, after, since_us, *more):
            if since_us > 0:  # links are read from the beginning, beside the work
                read.append(len(rows))
            yield rows

    monkeypatch.setattr(DecisionRepo, "log", counting)
    with serving(database, bundle, clock=clock) as server:
        clock.time_us += DAY_US
        server.score(payment("next", timestamp=None))
    assert read == [2]
    check_log(database, bundle)


def test_a_snapshot_is_written_whole_and_old_leavings_go(
    make_database: Callable[[str], Database], bundle: Bundle
) -> None:
    database = make_database("sqlite")
    with serving(database, bundle) as server:
        server.score(payment())
    left = snapshot_of(database).with_name(".4711-state.npz")
    left.write_bytes(b"half a snapshot")
    with serving(database, bundle) as server:
        server.score(payment("p-2"))
    assert [path.name for path in snapshot_of(database).parent.iterdir()] == ["state.npz"]


def test_a_snapshot_that_cannot_be_written_does_not_stop_the_server_from_ending(
    make_database: Callable[[str], Database], bundle: Bundle
) -> None:
    database = make_database("sqlite")
    database.data_dir.mkdir(parents=True)
    (database.data_dir / "state").write_text("a file where the folder should be")
    with serving(database, bundle) as server:
        server.score(payment())
    with serving(database, bundle) as server:
        assert server.score(payment("p-2"))["arrival"] == 2


def test_two_scenarios_share_a_database_each_with_its_own_state(database: Database, bundle: Bundle) -> None:
    from riskloom.bundle import make_bundle
    from riskloom.scenario.load import load_scenario, scenario_from_parts

    parts = dict(load_scenario("card_payments").parts)
    parts["features"] = {**parts["features"], "scenario": "other_payments"}
    other = make_bundle(scenario_from_parts(parts), None)
    for start in (0, 4):
        for name, one in (("card_payments", bundle), ("other_payments", other)):
            with serving(database, one) as server:
                for event in burst(8)[start : start + 4]:
                    decision = server.score(event)
                assert decision["scenario"] == name
    assert decision["arrival"] == 16
    assert decision["flagged"]
    evidence = next(r for r in decision["reasons"] if r["code"] == "VELOCITY_5M")["evidence"]
    assert evidence == [f"b-{n}" for n in range(7)]


def test_the_log_is_read_in_order_in_chunks(
    make_database: Callable[[str], Database], bundle: Bundle, tmp_path: Path
) -> None:
    database = make_database("sqlite")
    with serving(database, bundle) as server:
        server.post("/api/v1/events/batch", {"events": history(55)})
    engine = open_engine(database_url(database.url))
    repo = DecisionRepo(engine, "card_payments")
    for chunk in (1, 7, 55, 100):
        assert [row[0] for rows in repo.log(0, 0, chunk) for row in rows] == list(range(1, 56))
        ids = [event_id for ids in repo.ids(chunk) for event_id in ids]
        assert sorted(ids) == sorted(event["event_id"] for event in history(55))
    assert Snapshots(tmp_path, bundle).load(repo)[1] == 0
    engine.dispose()
