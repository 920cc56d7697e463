"""The tables of cases and of what people put into them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)

from riskloom.server.alerts.tables import alerts
from riskloom.server.tables import Arrival, metadata

_IS_TAKEN: ColumnElement[bool] = literal_column("state <> 'closed' and entity_key <> ''")

cases = Table(
    "cases",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("scenario", String(64), nullable=False),
    Column("entity", String(64), nullable=False),  # the field that its alerts are grouped by
    Column("entity_key", Text, nullable=False),  # empty: of one alert alone
    Column("state", String(16), nullable=False),
    Column("priority", String(16), nullable=False),
    Column("assignee", Text),
    Column("opened_by", Text, nullable=False),
    Column("opened_at_us", BigInteger, nullable=False),
    Column("changed_at_us", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),  # rises with every move
    Column("disposition", String(32)),  # the newest, also of a case that was reopened
    Column("reason", Text),
    Column("only_marked", Boolean, nullable=False),  # only marked events get labels
    Column("closed_by", Text),
    Column("confirmed_by", Text),
    Column("decided_at_us", BigInteger),  # when it was closed or confirmed: its labels are known then
    Column("closed_at_us", BigInteger),
    Index(
        "cases_one_of_an_entity",
        "scenario",
        "entity",
        "entity_key",
        unique=True,
        sqlite_where=_IS_TAKEN,
        postgresql_where=_IS_TAKEN,
    ),
    Index("cases_state", "scenario", "state", "id"),
)

Index("alerts_case", alerts.c.case_id)
IS_UNTOLD: ColumnElement[bool] = literal_column(
    "disposition is not null and (told_at_us is null or told_at_us < closed_at_us)", Boolean
)
Index("alerts_untold", alerts.c.id, sqlite_where=IS_UNTOLD, postgresql_where=IS_UNTOLD)
"""Alerts that were resolved by themselves and whose labels are not known to be stored."""

case_events = Table(
    "case_events",
    metadata,
    Column("case_id", Integer, primary_key=True),
    Column("arrival", Arrival, primary_key=True, autoincrement=False),
    Column("disposition", String(32), nullable=False),
    Column("is_marked", Boolean, nullable=False),  # by a person, one by one; else with the whole case
    Column("actor", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("is_told", Boolean, nullable=False),
)
"""What an event of a case turned out to be. Written with the move that closes the case: what is not told yet
is to become a label."""

case_notes = Table(
    "case_notes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("case_id", Integer, nullable=False),
    Column("note", Integer, nullable=False),  # 1, 2, ... of its case
    Column("version", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    UniqueConstraint("case_id", "note", "version", name="case_notes_version"),
)
"""Every version of every note; never altered."""

case_files = Table(
    "case_files",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("case_id", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", String(128), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),  # where its content is kept
    Column("author", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    UniqueConstraint("case_id", "sha256", "name", name="case_files_once"),
)

case_links = Table(
    "case_links",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("case_id", Integer, nullable=False),
    Column("other_id", Integer, nullable=False),
    Column("kind", String(16), nullable=False),  # read from case_id
    Column("author", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    UniqueConstraint("case_id", "other_id", "kind", name="case_links_once"),
)
"""Each link twice, once from either side."""

case_tasks = Table(
    "case_tasks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("case_id", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("due_us", BigInteger),
    Column("author", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("done_by", Text),
    Column("done_at_us", BigInteger),
    Index("case_tasks_case", "case_id", "id"),
)
