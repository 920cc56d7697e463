"""Opens a database: engine, durability, migrations, and the lock that keeps a second server out."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import URL, Connection, Engine, make_url

from riskloom.errors import AlreadyRunning, Fault, ParameterInvalid, StoreUnavailable

LOCK_KEY = 0x5249534B  # "RISK", the PostgreSQL advisory lock of a server
SQLITE_BUSY_MS = 1_000


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
        engine = sa.create_engine(url, connect_args={"check_same_thread": False}, pool_size=pool_size)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        return engine
    return sa.create_engine(url, pool_size=pool_size, pool_pre_ping=True, connect_args={"connect_timeout": 5})


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA wal_autocheckpoint=0")  # the writer's own thread checkpoints
    cursor.execute("PRAGMA cache_size=-32000")
    cursor.close()


def upgrade(engine: Engine) -> None:
    """Bring the tables to the newest version; does nothing where they are."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sa.exc.OperationalError as error:
        raise StoreUnavailable(
            f"The database {engine.url.render_as_string(True)} cannot be opened: {error.orig}",
            hint="check that it exists, that its disk has room and that no other program holds it",
        ) from error


@contextlib.contextmanager
def only_server(engine: Engine) -> Iterator[None]:
    """Hold the database for one server process.

    Raises
    ------
    AlreadyRunning
        When another process holds it.
    """
    if engine.url.get_backend_name() == "sqlite":
        with _file_lock(Path(f"{engine.url.database}.lock")):
            yield
        return
    connection: Connection = engine.connect()
    try:
        held = connection.execute(sa.text("select pg_try_advisory_lock(:key)"), {"key": LOCK_KEY}).scalar()
        connection.commit()
        if not held:
            raise AlreadyRunning(
                f"Another server uses {engine.url.render_as_string(True)}.",
                hint="stop it, or give this one a database of its own",
            )
        yield
    finally:
        connection.close()


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    file: TextIO = path.open("a+")
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise AlreadyRunning(
                f"Another server (process {file.read().strip() or 'unknown'}) uses {path.with_suffix('')}.",
                hint="stop it, or give this one a database of its own",
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
    finally:
        file.close()
