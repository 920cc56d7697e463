"""The outbox: every notice there is to tell, the clocks of alerts, and how fast each channel may go."""

from __future__ import annotations

from typing import Any

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

from riskloom.server.tables import metadata

IS_PENDING: ColumnElement[Any] = literal_column("notices.ended_at_us is null")
IS_RUNNING: ColumnElement[Any] = literal_column("sla_clocks.ended_at_us is null")
"""Written out, and not as booleans, which SQLite would get as `... = 1`: only so it sees that the indexes of
what is pending serve."""
_PENDING: ColumnElement[Any] = literal_column("ended_at_us is null")

notices = Table(
    "notices",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False),  # alert:step:channel, what receivers know it by
    Column("scenario", String(64), nullable=False),
    Column("alert_id", BigInteger),  # null: a digest
    Column("kind", String(16), nullable=False),  # alert, sla, digest
    Column("step", String(32), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("state", String(16), nullable=False),  # waiting, sending, delivered, cancelled, merged, dead
    Column("escalate", Boolean, nullable=False),
    Column("digest", Boolean, nullable=False),  # waits to be told with others
    Column("created_at_us", BigInteger, nullable=False),
    Column("due_at_us", BigInteger, nullable=False),  # while it is being sent: when its lease runs out
    Column("attempts", Integer, nullable=False),
    Column("data", Text, nullable=False),  # JSON: what is told
    Column("holder", String(32)),  # the relay that sends it
    Column("said", Text),  # what the receiver said last, or why it is not sent
    Column("ended_at_us", BigInteger),  # null: pending
    Column("merged_into", Integer),
    UniqueConstraint("key", name="notices_key"),
    Index("notices_due", "channel", "due_at_us", "id", sqlite_where=_PENDING, postgresql_where=_PENDING),
    Index("notices_state", "scenario", "state", "id"),
    Index("notices_alert", "alert_id", "id"),
)

sla_clocks = Table(
    "sla_clocks",
    metadata,
    Column("alert_id", BigInteger, primary_key=True, autoincrement=False),
    Column("clock", String(16), primary_key=True),  # claim, resolve
    Column("scenario", String(64), nullable=False),
    Column("state", String(16), nullable=False),  # running, warned, met, breached
    Column("started_at_us", BigInteger, nullable=False),
    Column("due_at_us", BigInteger, nullable=False),
    Column("next_at_us", BigInteger, nullable=False),  # when to look again: to warn, then when due
    Column("channels", Text, nullable=False),  # JSON list
    Column("policy", Text, nullable=False),
    Column("ended_at_us", BigInteger),
    Index("sla_clocks_next", "next_at_us", sqlite_where=_PENDING, postgresql_where=_PENDING),
)

notice_paces = Table(
    "notice_paces",
    metadata,
    Column("channel", String(64), primary_key=True),
    Column("free_at_us", BigInteger, nullable=False),  # what was sent lately, as time that is used up
)
