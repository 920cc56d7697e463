"""Opening a database: URLs, locks, versions, and what is none of ours."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from riskloom.bundle import Bundle
from riskloom.errors import AlreadyRunning, ParameterInvalid, RiskloomError, StoreUnavailable
from riskloom.server import lock as lock_module
from riskloom.server.db import cause_of, database_url, is_storable, open_engine, reading, upgrade, writing
from riskloom.server.lock import only_server
from riskloom.server.schema import metadata
from support.databases import Database
from support.events import payment
from support.server import serving


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://root@localhost/x",
        "sqlite://",
        "sqlite:///:memory:",
        "http://x",
        "postgres://x/y",
    ],
)
def test_a_url_that_is_none_of_ours_is_refused(url: str) -> None:
    with pytest.raises(ParameterInvalid, match=r"sqlite:///file\.db or postgresql://user@host/name"):
        database_url(url)


def test_passwords_are_not_shown() -> None:
    with pytest.raises(ParameterInvalid) as refused:
        database_url("mysql://root:hunter2@localhost/x")
    assert "hunter2" not in str(refused.value)


def test_a_second_server_on_one_database_is_refused(
    database: Database, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "PATIENCE_S", 0.1)
    with serving(database, bundle) as server:
        with pytest.raises(AlreadyRunning) as refused, serving(database, bundle):
            pass
        assert "stop it" in refused.value.hint
        if database.kind == "sqlite":
            assert f"process {os.getpid()}" in refused.value.message
        server.score(payment())
    with serving(database, bundle) as server:
        assert server.score(payment("p-2"))["arrival"] == 2


def test_a_server_that_ends_lets_the_next_one_in_at_once(
    make_database: Callable[[str], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "PATIENCE_S", 0)
    engine = open_engine(database_url(make_database("postgresql").url))
    for _ in range(20):
        with only_server(engine):
            pass
    engine.dispose()


def test_a_lock_that_is_let_go_in_a_moment_is_waited_for(
    make_database: Callable[[str], Database],
) -> None:
    database = make_database("postgresql")
    engine = open_engine(database_url(database.url))
    other = database.connect()
    other.execute(f"select pg_advisory_lock({lock_module.LOCK_KEY})")
    timer = threading.Timer(0.2, other.close)
    timer.start()
    with only_server(engine):
        pass
    timer.join()
    engine.dispose()


def test_the_lock_is_taken_again_when_its_connection_was_cut(
    make_database: Callable[[str], Database],
) -> None:
    database = make_database("postgresql")
    engine, other = open_engine(database_url(database.url)), open_engine(database_url(database.url))
    kill = (
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted"
        " and database = (select oid from pg_database where datname = current_database())"
    )
    with only_server(engine) as lock:
        lock.check()
        database.rows(kill)
        lock.check()
        with pytest.raises(AlreadyRunning), only_server(other):
            pass
        database.rows(kill)
        with only_server(other), pytest.raises(AlreadyRunning):
            lock.check()
    engine.dispose()
    other.dispose()


def test_both_databases_have_the_tables_that_are_declared(database: Database) -> None:
    engine = open_engine(database_url(database.url))
    upgrade(engine)
    upgrade(engine)
    inspector = sa.inspect(engine)
    for table in metadata.tables.values():
        found = {column["name"]: column for column in inspector.get_columns(table.name)}
        assert set(found) == {column.name for column in table.columns}
        assert {name for name, column in found.items() if not column["nullable"]} == {
            column.name for column in table.columns if not column.nullable
        }
        assert {index["name"] for index in inspector.get_indexes(table.name)} >= {
            index.name for index in table.indexes
        }
        unique = {one["name"] for one in inspector.get_unique_constraints(table.name)}
        assert unique >= {c.name for c in table.constraints if isinstance(c, sa.UniqueConstraint)}
    engine.dispose()


def test_sqlite_is_durable_on_every_connection(make_database: Callable[[str], Database]) -> None:
    engine = open_engine(database_url(make_database("sqlite").url))
    with engine.connect() as one, engine.connect() as two:
        for connection in (one, two):
            asked = [
                connection.exec_driver_sql(f"pragma {name}").scalar()
                for name in ("journal_mode", "synchronous")
            ]
            assert asked == ["wal", 2]
    engine.dispose()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("these are my notes, not a database\n" * 100)
    engine = open_engine(database_url(f"sqlite:///{path}"))
    with pytest.raises(StoreUnavailable, match="cannot be opened: file is not a database"):
        upgrade(engine)
    engine.dispose()
    assert path.read_text().startswith("these are my notes")


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    engine = open_engine(database_url(database.url))
    upgrade(engine)
    with writing(engine) as connection:
        before = connection.execute(sa.text("select version_num from alembic_version")).scalar()
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
    try:
        with pytest.raises(StoreUnavailable, match="another version"):
            upgrade(engine)
    finally:
        with writing(engine) as connection:
            connection.execute(sa.text("update alembic_version set version_num = :v"), {"v": before})
        engine.dispose()


def test_a_postgresql_that_is_not_there_is_a_clear_error(tmp_path: Path, bundle: Bundle) -> None:
    nowhere = Database("postgresql", "postgresql://nobody@127.0.0.1:9/none", tmp_path)
    with pytest.raises(StoreUnavailable, match="cannot be reached"), serving(nowhere, bundle):
        pass


def test_a_folder_that_is_not_there_is_made_and_a_file_in_its_way_is_named(
    tmp_path: Path, bundle: Bundle
) -> None:
    with serving(Database("sqlite", f"sqlite:///{tmp_path}/a/b/c.db", tmp_path / "data"), bundle) as server:
        server.score(payment())
    (tmp_path / "file").write_text("x")
    blocked = Database("sqlite", f"sqlite:///{tmp_path}/file/c.db", tmp_path / "data")
    with pytest.raises(RiskloomError, match="file"), serving(blocked, bundle):
        pass


def test_errors_of_reading_and_writing_are_ours(database: Database) -> None:
    engine = open_engine(database_url(database.url))
    with pytest.raises(StoreUnavailable, match="cannot be read"), reading(engine) as connection:
        connection.execute(sa.text("select * from nothing_of_the_kind"))
    with pytest.raises(StoreUnavailable, match="cannot be written"), writing(engine) as connection:
        connection.execute(sa.text("delete from nothing_of_the_kind"))
    engine.dispose()


def test_what_the_database_says_is_told_without_the_rows_it_quotes() -> None:
    error = psycopg.errors.UniqueViolation("duplicate key value\nDETAIL:  Key (user)=(jane) already exists.")
    assert cause_of(error) == "duplicate key value"
    assert cause_of(sa.exc.IntegrityError("insert", {}, error)) == "duplicate key value"
    assert cause_of(ValueError()) == "ValueError"


@pytest.mark.parametrize(
    ("text", "fits"), [("", True), ("ä🙂\n", True), ("\x00", False), ("a\x00b", False), ("\ud800", False)]
)
def test_what_every_database_can_hold(text: str, fits: bool) -> None:
    assert is_storable(text) is fits
