"""What tests of several rooms share: databases to run on, and a trained bundle."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from riskloom.bundle import Bundle
from support.databases import KINDS, Database, PostgresServer
from support.events import card_bundle, trained_bundle

POSTGRES = os.environ.get("RISKLOOM_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A database of this session's own on the server of RISKLOOM_TEST_POSTGRES, dropped at the end."""
    try:
        admin = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=5)
    except psycopg.Error as error:
        missing = f"needs PostgreSQL at {POSTGRES} (RISKLOOM_TEST_POSTGRES): {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    server = PostgresServer(admin, POSTGRES, f"riskloom_{uuid.uuid4().hex[:12]}")
    with admin:
        try:
            yield server
        finally:
            server.drop()


@pytest.fixture(scope="session")
def make_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Database]:
    """Makes an empty database of a kind, for longer than one test."""

    def make(kind: str) -> Database:
        if kind == "sqlite":
            folder: Path = tmp_path_factory.mktemp("sqlite")
            return Database(kind, f"sqlite:///{folder}/events.db", folder / "data")
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.another(tmp_path_factory.mktemp("postgres") / "data")

    return make


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database for one test, once of each kind."""
    if request.param == "sqlite":
        return Database("sqlite", f"sqlite:///{tmp_path}/events.db", tmp_path / "data")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.emptied(tmp_path / "data")


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """Card payments by rules alone."""
    return card_bundle()


@pytest.fixture(scope="session")
def trained() -> Bundle:
    """Card payments with a small forest."""
    return trained_bundle()
