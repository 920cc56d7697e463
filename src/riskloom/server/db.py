"""Opens a database: engine, durability, migrations; and reads and writes it with errors of our own."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.engine import URL, Connection, Engine, make_url

from riskloom.errors import Fault, ParameterInvalid, StoreUnavailable

SQLITE_BUSY_MS = 1_000
PREPARED = 256
"""Statements a connection keeps prepared: the writer has one for each number of rows."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def database_url(text: str) -> URL:
    """The URL of a database, with the driver we use.

    Raises
    ------
    ParameterInvalid
        When it is not a URL of SQLite or PostgreSQL.
    """
    try:
        url = make_url(text)
    except sa.exc.ArgumentError as error:
        raise ParameterInvalid(
            Fault("database_url", "sqlite:///file.db or postgresql://user@host/name", text)
        ) from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite+pysqlite")
    raise ParameterInvalid(
        Fault("database_url", "sqlite:///file.db or postgresql://user@host/name", url.render_as_string(True))
    )


def open_engine(url: URL, *, pool_size: int = 5) -> Engine:
    """An engine; on SQLite every connection is WAL with synchronous=FULL.

    A commit that returns has reached the disk.
    """
    if url.get_backend_name() == "sqlite":
        given = {"check_same_thread": False, "cached_statements": PREPARED}
        engine = sa.create_engine(url, connect_args=given, pool_size=pool_size)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        return engine
    return sa.create_engine(url, pool_size=pool_size, pool_pre_ping=True, connect_args={"connect_timeout": 5})


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA wal_autocheckpoint=0")  # the writer's own thread checkpoints
    cursor.execute("PRAGMA cache_size=-12000")
    cursor.close()


def upgrade(engine: Engine) -> None:
    """Bring the tables to the newest version; does nothing where they are.

    Raises
    ------
    StoreUnavailable
        When the database cannot be opened, is none of ours, or was written by a newer version.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sa.exc.DBAPIError as error:
        raise StoreUnavailable(
            f"The database {engine.url.render_as_string(True)} cannot be opened: {cause_of(error)}",
            hint="check that it exists, that its disk has room and that no other program holds it",
        ) from error
    except CommandError as error:
        raise StoreUnavailable(
            f"The database {engine.url.render_as_string(True)} was written by another version: {error}",
            hint="use the version of riskloom that wrote it, or a newer one",
        ) from error


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for one read.

    Raises
    ------
    StoreUnavailable
        When the database does not answer.
    """
    try:
        with engine.connect() as connection:
            yield connection
    except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
        raise StoreUnavailable(f"The database cannot be read: {cause_of(error)}", hint="try again") from error


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A connection for one transaction, committed at the end of the block.

    Raises
    ------
    StoreUnavailable
        When the database does not take it.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
        raise StoreUnavailable(
            f"The database cannot be written: {cause_of(error)}", hint="try again"
        ) from error


@contextlib.contextmanager
def locking(engine: Engine) -> Iterator[Connection]:
    """A connection for one transaction that reads what it then writes: in SQLite nobody else writes
    meanwhile; in PostgreSQL rows are locked as they are read (`with_for_update`).

    Raises
    ------
    StoreUnavailable
    """
    with writing(engine) as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


def is_storable(text: str) -> bool:
    """Whether every database can hold this text: PostgreSQL takes no NUL, and no half of a surrogate
    pair is UTF-8."""
    return _UNSTORABLE.search(text) is None


def cause_of(error: BaseException) -> str:
    """What the database said, without the details that quote stored values."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
