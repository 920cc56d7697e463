"""The tables of alerts, of who works on them, and of every act of a person."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    desc,
    literal_column,
)

from riskloom.server.tables import Arrival, metadata

IS_OPEN: ColumnElement[bool] = literal_column("closed_at_us is null", Boolean)
IS_CLOSED: ColumnElement[bool] = literal_column("closed_at_us is not null", Boolean)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Arrival, primary_key=True, autoincrement=False),  # arrival number of its first event
    Column("scenario", String(64), nullable=False),
    Column("entity", String(64), nullable=False),  # the field it is grouped by; empty: by none
    Column("entity_key", Text, nullable=False),
    Column("state", String(16), nullable=False),  # as moved; leases and snoozes run out by their times
    Column("queue", String(64), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("reasons", Text, nullable=False),  # JSON list of codes
    Column("outcome", SmallInteger, nullable=False),  # rank on the ladder
    Column("priority", Float, nullable=False),  # expected loss x urgency
    Column("expected_loss", Float, nullable=False),  # of all its events, in the base currency
    Column("urgency", Float, nullable=False),
    Column("amount_minor", BigInteger),  # of all its events, in the base currency
    Column("events", Integer, nullable=False),
    Column("first_arrival", BigInteger, nullable=False),
    Column("last_arrival", BigInteger, nullable=False),
    Column("opened_at_us", BigInteger, nullable=False),  # when its first event was decided
    Column("last_at_us", BigInteger, nullable=False),  # when its last event was decided
    Column("changed_at_us", BigInteger, nullable=False),
    Column("claimed_by", Text),
    Column("lease_until_us", BigInteger),
    Column("snoozed_until_us", BigInteger),
    Column("case_id", BigInteger),
    Column("disposition", String(32)),
    Column("closed_reason", Text),
    Column("closed_by", Text),
    Column("closed_at_us", BigInteger),  # null: somebody has to look at it
    Column("told_at_us", BigInteger),  # the closing whose labels are known to be stored
    Index(
        "alerts_waiting",
        "scenario",
        desc("priority"),
        "id",
        sqlite_where=IS_OPEN,
        postgresql_where=IS_OPEN,
    ),
    Index(
        "alerts_queues",
        "scenario",
        "queue",
        "state",
        "opened_at_us",
        sqlite_where=IS_OPEN,
        postgresql_where=IS_OPEN,
    ),
    Index("alerts_closed", "scenario", "closed_at_us", sqlite_where=IS_CLOSED, postgresql_where=IS_CLOSED),
    Index("alerts_entity", "scenario", "entity_key", "id"),
)

alert_events = Table(
    "alert_events",
    metadata,
    Column("arrival", Arrival, primary_key=True, autoincrement=False),
    Column("alert_id", BigInteger, nullable=False),
    Index("alert_events_alert", "alert_id", "arrival"),
)
"""Which alert a decision belongs to: one at most."""

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("scenario", String(64), nullable=False),
    Column("entity_key", Text),  # null: of every entity
    Column("rule", Text),  # a reason code; null: of every rule
    Column("reason", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("made_at_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("ended_by", Text),
    Column("ended_at_us", BigInteger),
    Index("suppressions_scenario", "scenario", "until_us"),
)

suppressed = Table(
    "suppressed",
    metadata,
    Column("arrival", Arrival, primary_key=True, autoincrement=False),
    Column("suppression_id", Integer, nullable=False),
    Index("suppressed_suppression", "suppression_id"),
)
"""Decisions that raised no alert because of a suppression."""

analysts = Table(
    "analysts",
    metadata,
    Column("scenario", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("skills", Text, nullable=False),  # JSON list
    Column("limit_minor", BigInteger),  # most amount of an alert, in the base currency; null: any
    Column("queues", Text, nullable=False),  # JSON list; empty: every one
    Column("changed_at_us", BigInteger, nullable=False),
)

activities = Table(
    "activities",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("scenario", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", String(32), nullable=False),  # such as alert.claimed
    Column("entity_key", Text),
    Column("alert_id", BigInteger),
    Column("case_id", BigInteger),
    Column("detail", Text, nullable=False),  # JSON
    Index("activities_alert", "alert_id", "id"),
    Index("activities_case", "case_id", "id"),
    Index("activities_entity", "scenario", "entity_key", "id"),
)
"""What people did, in order; never altered."""
