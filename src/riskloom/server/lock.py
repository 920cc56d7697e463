"""The lock that keeps a second server out of a database."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TextIO

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from riskloom.errors import AlreadyRunning, StoreUnavailable
from riskloom.server.db import cause_of

PATIENCE_S = 2.0
LOCK_KEY = 0x5249534B  # "RISK", the PostgreSQL advisory lock of a server


class Lock(Protocol):
    """A database held for this process."""

    def check(self) -> None:
        """Make sure that it is still held; take it again where the database lost it.

        Raises
        ------
        AlreadyRunning, StoreUnavailable
            When another process took it meanwhile, or the database does not answer.
        """
        ...


@contextlib.contextmanager
def only_server(engine: Engine) -> Iterator[Lock]:
    """Hold the database for one server process.

    Raises
    ------
    AlreadyRunning
        When another process holds it.
    StoreUnavailable
        When the database cannot be reached.
    """
    if engine.url.get_backend_name() == "sqlite":
        with _file_lock(Path(f"{engine.url.database}.lock")):
            yield _HeldFile()
        return
    lock = _AdvisoryLock(engine)
    try:
        _take(lock)
        yield lock
    finally:
        lock.release()


def _take(lock: Lock) -> None:
    """Take it, with patience: PostgreSQL needs a moment to notice that a server was killed."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return lock.check()
        except AlreadyRunning:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class _HeldFile:
    """A file lock is lost only with the process."""

    def check(self) -> None:
        """It is held."""


class _AdvisoryLock:
    """PostgreSQL holds it for as long as one connection lives; when that is cut, it must be taken again."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def check(self) -> None:
        """Ask over the connection that holds it; over a new one when that is gone."""
        if self._connection is not None and self._holds(self._connection):
            return
        self.release()
        try:
            connection = self._engine.connect()
            taken = connection.execute(
                sa.text("select pg_try_advisory_lock(:key)"), {"key": LOCK_KEY}
            ).scalar()
            connection.commit()
        except sa.exc.DBAPIError as error:
            raise StoreUnavailable(
                f"The database {_shown(self._engine)} cannot be reached: {cause_of(error)}",
                hint="check that it runs, that its name is right and that this user may connect",
            ) from error
        if not taken:
            connection.close()
            raise AlreadyRunning(
                f"Another server uses {_shown(self._engine)}.",
                hint="stop it, or give this one a database of its own",
            )
        self._connection = connection

    def release(self) -> None:
        """Give it back, and end the connection."""
        if self._connection is not None:
            with contextlib.suppress(sa.exc.SQLAlchemyError):  # it was cut: then the lock is gone already
                self._connection.execute(sa.text("select pg_advisory_unlock_all()"))
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def _holds(self, connection: Connection) -> bool:
        try:
            connection.execute(sa.text("select 1"))
            connection.commit()
        except sa.exc.DBAPIError:
            return False
        return True


def _shown(engine: Engine) -> str:
    """The database's URL without its password."""
    return engine.url.render_as_string(hide_password=True)


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file: TextIO = path.open("a+")
    except OSError as error:
        raise StoreUnavailable(
            f"{path} cannot be written: {error.strerror}.",
            hint="choose a database in a folder that can be written",
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise AlreadyRunning(
                f"Another server (process {file.read().strip() or 'unknown'}) uses {path.with_suffix('')}.",
                hint="stop it, or give this one a database of its own",
            ) from error
        with contextlib.suppress(
            OSError
        ):  # the number is for people; a full disk must not keep the server out
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
        yield
