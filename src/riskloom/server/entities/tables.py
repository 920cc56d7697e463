"""The tables of the entity view; both are derived from the log and may be emptied at any time."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, Text

from riskloom.server.tables import metadata

entity_events = Table(
    "entity_events",
    metadata,
    Column("scenario", String(64), primary_key=True),
    Column("field", String(64), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("arrival", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Which events have a value in a field: of every entity but the main one, which `events` has an index of."""

links_read = Table(
    "links_read",
    metadata,
    Column("scenario", String(64), primary_key=True),
    Column("arrival", BigInteger, nullable=False),
    Column("fields", Text, nullable=False),  # JSON: what is indexed
)
"""How far of the log `entity_events` is, for each scenario."""
