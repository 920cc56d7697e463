"""A full disk, a locked table, a cut connection: 503 for the batch and all behind it, then on from the
log."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from riskloom.bundle import Bundle
from riskloom.errors import StoreUnavailable
from riskloom.server import db, recovery, writer
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.policy.memory import PolicyMemory
from riskloom.server.policy.repo import PolicyRepo
from riskloom.server.writer import Writer
from support.databases import Database
from support.events import at, burst, history, payment
from support.replay import check_log
from support.server import Server, problem, serving


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for in seconds is waited for in hundredths."""
    monkeypatch.setattr(recovery, "PAUSE_S", 0.02)
    monkeypatch.setattr(db, "SQLITE_BUSY_MS", 50)


def storm(server: Server, events: list[dict[str, Any]]) -> dict[str, int]:
    """Statuses of events sent at once, by id."""
    answers = server.together([("POST", "/api/v1/score", {"json": event}) for event in events])
    for answer in answers:
        if answer.status_code != 200:
            body = problem(answer, 503, "store_unavailable")
            assert answer.headers["retry-after"]
            assert body["hint"]
    return {event["event_id"]: answer.status_code for event, answer in zip(events, answers, strict=True)}


def calm(server: Server) -> None:
    """After trouble: ready, every event taken by the usual answers, and the log as a calm server would
    have it."""
    server.wait_until_ready()
    assert server.get("/api/v1/readiness").status_code == 200
    assert set(storm(server, history(60, seed=9)).values()) == {200}
    check_log(server.database, server.runtime.bundle)


@contextlib.contextmanager
def locked(database: Database) -> Iterator[None]:
    """Another program holds the database."""
    other = database.connect()
    try:
        if database.kind == "sqlite":
            other.execute("begin immediate")
        else:
            other.execute("begin")
            other.execute("lock table events in exclusive mode")
        yield
        other.execute("rollback")
    finally:
        other.close()


@contextlib.contextmanager
def impatient(database: Database) -> Iterator[None]:
    """PostgreSQL gives up on a lock soon, as SQLite does."""
    if database.kind == "sqlite":
        yield
        return
    with database.connect() as connection:
        name = connection.execute("select current_database()").fetchone()[0]
        connection.execute(f"alter database {name} set lock_timeout = '50ms'")
        try:
            yield
        finally:
            connection.execute(f"alter database {name} reset lock_timeout")


def test_a_locked_database_is_503_for_all_and_then_goes_on(database: Database, trained: Bundle) -> None:
    with impatient(database), serving(database, trained) as server:
        assert set(storm(server, history(50)).values()) == {200}
        lost = burst(40, "lost")
        with locked(database):
            assert set(storm(server, lost).values()) == {503}
            problem(server.post("/api/v1/score", payment("behind")), 503, "store_unavailable")
            problem(server.post("/api/v1/score?dry_run=1", payment("look")), 503, "store_unavailable")
            problem(server.post("/api/v1/score/batch", {"events": lost}), 503, "store_unavailable")
            readiness = server.get("/api/v1/readiness")
            assert (readiness.status_code, readiness.json()["ready"]) == (503, False)
            assert server.get("/api/v1/health").json()["ready"] is False
            assert len(server.get("/api/v1/decisions").json()["items"]) == 50, "reading goes on"
        calm(server)
        server.score(payment("next", timestamp=at(50)))
        view = server.get("/api/v1/decisions/next").json()
        seen = {feature["name"]: feature["value"] for feature in view["features"]}
        assert seen["user_tx_count_1h"] == 0, "what was lost was never seen"
        assert database.counts()[0] == 111
        check_log(database, trained)


def test_cut_connections_are_503_or_taken_and_then_it_goes_on(postgres: Database, trained: Bundle) -> None:
    with serving(postgres, trained) as server:
        assert set(storm(server, history(50)).values()) == {200}
        other = postgres.connect()
        for n in range(3):
            other.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
            storm(server, burst(30, f"cut-{n}", start_s=40 * n))
            server.wait_until_ready()
            assert server.get("/api/v1/decisions").status_code == 200
        calm(server)
        held = other.execute(
            "select count(*) from pg_locks where locktype = 'advisory'"
            " and database = (select oid from pg_database where datname = current_database())"
        ).fetchone()
        assert held == (1,), "the lock against a second server is held again"
        other.close()


def test_connections_cut_while_events_are_written_lose_none_that_was_acknowledged(
    postgres: Database, bundle: Bundle
) -> None:
    stop = threading.Event()

    def cut() -> None:
        with psycopg.connect(postgres.url, autocommit=True) as other:
            while not stop.wait(0.15):
                other.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
                    " and datname = current_database() and query ilike '%events%'"
                )

    acknowledged: set[str] = set()
    with serving(postgres, bundle) as server:
        cutter = threading.Thread(target=cut)
        cutter.start()
        try:
            for n in range(12):
                statuses = storm(server, burst(25, f"c-{n}", start_s=30 * n))
                acknowledged |= {event_id for event_id, status in statuses.items() if status == 200}
                server.wait_until_ready()
        finally:
            stop.set()
            cutter.join()
        server.wait_until_ready()
        calm(server)
    stored = check_log(postgres, bundle)
    assert acknowledged <= set(stored)
    assert len(stored) == len(set(stored))


def test_a_full_disk_is_503_for_all_and_then_goes_on(
    sqlite: Database, trained: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = {"most": 1_000_000}
    prepare = db._prepare_sqlite

    def with_limit(connection: Any, record: object) -> None:
        prepare(connection, record)
        connection.execute(f"pragma max_page_count = {pages['most']}")

    monkeypatch.setattr(db, "_prepare_sqlite", with_limit)
    with serving(sqlite, trained) as server:
        assert set(storm(server, history(100)).values()) == {200}
        pages["most"] = sqlite.one("pragma page_count")
        server.runtime.engine.commits.writer._engine.dispose()
        server.runtime.engine.commits.writer._drop_connection()
        statuses = storm(server, history(400, seed=77))
        assert set(statuses.values()) == {503}, "one transaction, and all behind it"
        for _ in range(3):
            assert set(storm(server, burst(5, "behind")).values()) == {503}
        assert server.get("/api/v1/readiness").status_code == 503
        pages["most"] = 1_000_000
        server.runtime.engine.commits.writer._engine.dispose()
        calm(server)
        assert set(storm(server, history(400, seed=77)).values()) == {200}
        check_log(sqlite, trained)


def test_an_event_that_cannot_be_written_stops_nobody_for_ever(
    database: Database, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = DecisionRepo.insert_batch

    def poisoned(self: DecisionRepo, driver: Any, rows: Any) -> None:
        if any(row[2] == "poison" for row in rows[0]):
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        insert(self, driver, rows)

    monkeypatch.setattr(DecisionRepo, "insert_batch", poisoned)
    with serving(database, bundle) as server:
        for n in range(2):
            assert storm(server, [payment("poison")]) == {"poison": 503}
            server.wait_until_ready()
            assert storm(server, [payment(f"fine-{n}")]) == {f"fine-{n}": 200}
        check_log(database, bundle)


def test_a_retry_after_503_is_taken_once(
    database: Database, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Writer._commit
    failing = {"how": ""}

    def sometimes(self: Writer, batch: Any) -> None:
        if failing["how"] == "before":
            raise sqlite3.OperationalError("disk I/O error")
        commit(self, batch)
        if failing["how"] == "after":  # the answer to the commit is lost
            raise sqlite3.OperationalError("connection lost")

    monkeypatch.setattr(Writer, "_commit", sometimes)
    with serving(database, bundle) as server:
        for at_s, how in enumerate(("before", "after", "before", "after")):
            failing["how"] = how
            events = burst(3, f"{how}-{at_s}", start_s=10 * at_s)
            assert set(storm(server, events).values()) == {503}
            failing["how"] = ""
            server.wait_until_ready()
            assert set(storm(server, events).values()) == {200}
        assert database.counts() == (12, 12, 12)
        check_log(database, bundle)


def test_a_stream_goes_on_through_trouble_line_by_line(
    database: Database, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    commit = Writer._commit
    count = {"batches": 0}

    def third_fails(self: Writer, batch: Any) -> None:
        count["batches"] += 1
        if count["batches"] == 3:
            raise sqlite3.OperationalError("disk I/O error")
        commit(self, batch)

    events = history(1_500)
    body = b"\n".join(json.dumps(event).encode() for event in events)
    with serving(database, bundle) as server:
        monkeypatch.setattr(Writer, "_commit", third_fails)
        answer = server.post(
            "/api/v1/score/batch", content=body, headers={"Content-Type": "application/x-ndjson"}
        )
        results = [json.loads(line) for line in answer.text.splitlines()]
        assert len(results) == len(events)
        taken = [result["event_id"] for result in results if "error" not in result]
        failed = [result for result in results if "error" in result]
        assert {result["error"]["status"] for result in failed} == {503}
        assert taken == [event["event_id"] for event in events][: len(taken)]
        server.wait_until_ready()
        assert check_log(database, bundle) == taken


def test_reading_a_dead_database_is_a_503_too(
    postgres: Database, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(postgres, bundle) as server:
        server.post("/api/v1/score/batch", {"events": burst(6)})
        engine = server.runtime.engine.commits.writer._engine

        def refuse(*_given: Any, **_named: Any) -> Any:
            raise psycopg.OperationalError("connection refused")

        for path in (
            "/api/v1/decisions",
            "/api/v1/events",
            "/api/v1/stats",
            "/model-runs",
            "/scores",
            "/api/v1/decisions/b-1",
        ):
            with monkeypatch.context() as patch:
                patch.setattr(engine.dialect, "do_execute", refuse)
                problem(server.get(path), 503, "store_unavailable")
            assert server.get(path).status_code == 200
        server.runtime.engine.repo.close()
        with monkeypatch.context() as patch:
            patch.setattr(engine.pool, "_creator", refuse)
            engine.dispose()
            for path in ("/api/v1/decisions", "/api/v1/models"):
                answer = server.get(path)
                assert answer.status_code in (200, 503)


def test_the_write_ahead_log_does_not_grow_without_end(sqlite: Database, bundle: Bundle) -> None:
    with serving(sqlite, bundle) as server:
        for event in burst(3):
            server.score(event)
        for event in burst(3):
            server.score(event)  # the look-up that finds something must let go of what it read
        other = sqlite.connect()
        busy, in_log, moved = other.execute("pragma wal_checkpoint(truncate)").fetchone()
        other.close()
        assert (busy, in_log, moved) == (0, 0, 0)


def test_the_log_is_begun_anew_while_events_never_stop(
    sqlite: Database, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_S", 0.05)
    monkeypatch.setattr(writer, "LARGEST_LOG_PAGES", 100)
    log, sizes = Path(f"{sqlite.file}-wal"), []
    with serving(sqlite, bundle) as server:
        for n in range(60):
            storm(server, [payment(f"w-{n}-{k}", user_id=f"u-{n}-{k}") for k in range(40)])
            sizes.append(log.stat().st_size)
    assert max(sizes) < 4_000_000, "it is written over from its beginning"
    check_log(sqlite, bundle)


@pytest.fixture
def sqlite(make_database: Callable[[str], Database]) -> Database:
    return make_database("sqlite")


@pytest.fixture
def postgres(make_database: Callable[[str], Database]) -> Database:
    return make_database("postgresql")


@contextlib.contextmanager
def without_lists(database: Database) -> Iterator[None]:
    """What was changed of lists cannot be read."""
    with contextlib.closing(database.connect()) as other:
        other.execute("alter table policy_changes rename to hidden")
        yield
        other.execute("alter table hidden rename to policy_changes")


def test_while_lists_cannot_be_read_nothing_is_decided(
    database: Database, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deny list that is not there must not look like an empty one."""
    memory, tried, hidden = PolicyRepo.memory, threading.Semaphore(0), threading.Event()

    def counted(self: PolicyRepo) -> PolicyMemory:
        assert hidden.wait(30)
        tried.release()
        return memory(self)

    with impatient(database), serving(database, bundle) as server:
        assert set(storm(server, history(20)).values()) == {200}
        monkeypatch.setattr(PolicyRepo, "memory", counted)
        with locked(database):
            assert set(storm(server, burst(5, "lost")).values()) == {503}
        with without_lists(database):
            hidden.set()
            assert tried.acquire(timeout=30)
            assert tried.acquire(timeout=30), "it tries again and again"
            assert set(storm(server, burst(5, "lost")).values()) == {503}
            assert server.get("/api/v1/readiness").status_code == 503
        calm(server)


def test_a_server_that_cannot_read_its_lists_does_not_start(database: Database, bundle: Bundle) -> None:
    with serving(database, bundle) as server:
        server.score(payment())
    with without_lists(database), pytest.raises(StoreUnavailable), serving(database, bundle):
        pass
    with serving(database, bundle) as server:
        server.score(payment("p-2"))
