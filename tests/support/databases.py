"""Databases to test on: a SQLite file, or a PostgreSQL database of the session's own."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

KINDS = ("sqlite", "postgresql")
TABLES = ("events", "personal_data", "decisions", "bundles", "model_runs")


@dataclass(frozen=True)
class Database:
    """Where a server under test stores; `data_dir` is its folder beside it."""

    kind: str
    url: str
    data_dir: Path

    @property
    def file(self) -> Path:
        """The SQLite file."""
        return Path(self.url.removeprefix("sqlite:///"))

    def connect(self) -> Any:
        """A connection of one's own, as another program would have it."""
        if self.kind == "sqlite":
            return sqlite3.connect(self.file, isolation_level=None, timeout=10)
        return psycopg.connect(self.url, autocommit=True)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query gives."""
        connection = self.connect()
        try:
            return [tuple(row) for row in connection.execute(sql).fetchall()]
        finally:
            connection.close()

    def one(self, sql: str) -> Any:
        """The one value a query gives."""
        return self.rows(sql)[0][0]

    def counts(self) -> tuple[int, int, int]:
        """How many events, personal rows and decisions are stored."""
        return tuple(self.one(f"select count(*) from {table}") for table in TABLES[:3])  # type: ignore[return-value]  # noqa: S608


class PostgresServer:
    """A PostgreSQL server on which a database may be made."""

    def __init__(self, admin: psycopg.Connection[Any], url: str, name: str) -> None:
        self.admin = admin
        self.name = name
        self.url = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))

    def create(self) -> None:
        """Make the database."""
        self.admin.execute(f"create database {self.name}")

    def drop(self) -> None:
        """Drop it, whoever is connected."""
        self.admin.execute(f"drop database if exists {self.name} with (force)")

    def database(self, data_dir: Path) -> Database:
        """The database, emptied."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            found = {row[0] for row in connection.execute("select tablename from pg_tables where schemaname = 'public'")}
            there = [table for table in TABLES if table in found]
            if there:
                connection.execute(f"truncate {', '.join(there)} restart identity")
        return Database("postgresql", self.url, data_dir)
