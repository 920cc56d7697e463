"""Databases to test on: a SQLite file, or a PostgreSQL database of the session's own."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from riskloom.server.schema import metadata

KINDS = ("sqlite", "postgresql")
TABLES = tuple(metadata.tables)
COUNTED = ("events", "personal_data", "decisions")


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
        return tuple(self.one(f"select count(*) from {table}") for table in COUNTED)  # type: ignore[return-value]  # noqa: S608


class PostgresServer:
    """A PostgreSQL server on which databases may be made; each session names its own."""

    def __init__(self, admin: psycopg.Connection[Any], url: str, name: str) -> None:
        self._admin = admin
        self._url = url
        self._name = name
        self._made: list[str] = []
        self._shared = ""

    def another(self, data_dir: Path) -> Database:
        """A new database."""
        name = f"{self._name}_{len(self._made)}"
        self._admin.execute(f"create database {name}")
        self._made.append(name)
        return Database("postgresql", urlunsplit(urlsplit(self._url)._replace(path=f"/{name}")), data_dir)

    def emptied(self, data_dir: Path) -> Database:
        """One database, made once and, emptied: nobody else may use it."""
        if not self._shared:
            self._shared = self.another(data_dir).url
        with psycopg.connect(self._shared, autocommit=True) as connection:
            found = {
                row[0]
                for row in connection.execute("select tablename from pg_tables where schemaname = 'public'")
            }
            there = [table for table in TABLES if table in found]
            if there:
                connection.execute(f"truncate {', '.join(there)} restart identity")
        return Database("postgresql", self._shared, data_dir)

    def drop(self) -> None:
        """Drop them all, whoever is connected."""
        for name in self._made:
            self._admin.execute(f"drop database if exists {name} with (force)")
