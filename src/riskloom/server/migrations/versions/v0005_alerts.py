"""Alerts, who works on them, what raises none, and what people do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _create_alerts()
    _create_suppressions()
    op.create_table(
        "analysts",
        sa.Column("scenario", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("skills", sa.Text, nullable=False),
        sa.Column("limit_minor", sa.BigInteger),
        sa.Column("queues", sa.Text, nullable=False),
        sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "activities",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("entity_key", sa.Text),
        sa.Column("alert_id", sa.BigInteger),
        sa.Column("case_id", sa.BigInteger),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("activities_alert", "activities", ["alert_id", "id"])
    op.create_index("activities_case", "activities", ["case_id", "id"])
    op.create_index("activities_entity", "activities", ["scenario", "entity_key", "id"])


def _create_alerts() -> None:
    is_open, is_closed = sa.text("closed_at_us is null"), sa.text("closed_at_us is not null")
    op.create_table(
        "alerts",
        _arrival("id"),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("entity", sa.String(64), nullable=False),
        sa.Column("entity_key", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("queue", sa.String(64), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("outcome", sa.SmallInteger, nullable=False),
        sa.Column("priority", sa.Float, nullable=False),
        sa.Column("expected_loss", sa.Float, nullable=False),
        sa.Column("urgency", sa.Float, nullable=False),
        sa.Column("amount_minor", sa.BigInteger),
        sa.Column("events", sa.Integer, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _NUMBERS),
        sa.Column("claimed_by", sa.Text),
        sa.Column("lease_until_us", sa.BigInteger),
        sa.Column("snoozed_until_us", sa.BigInteger),
        sa.Column("case_id", sa.BigInteger),
        sa.Column("disposition", sa.String(32)),
        sa.Column("closed_reason", sa.Text),
        sa.Column("closed_by", sa.Text),
        sa.Column("closed_at_us", sa.BigInteger),
    )
    indexes: tuple[tuple[str, list[str | sa.TextClause], sa.TextClause], ...] = (
        ("alerts_waiting", ["scenario", sa.text("priority desc"), "id"], is_open),
        ("alerts_queues", ["scenario", "queue", "state", "opened_at_us"], is_open),
        ("alerts_closed", ["scenario", "closed_at_us"], is_closed),
    )
    for name, columns, where in indexes:
        op.create_index(name, "alerts", columns, sqlite_where=where, postgresql_where=where)
    op.create_index("alerts_entity", "alerts", ["scenario", "entity_key", "id"])
    op.create_table("alert_events", _arrival("arrival"), sa.Column("alert_id", sa.BigInteger, nullable=False))
    op.create_index("alert_events_alert", "alert_events", ["alert_id", "arrival"])


_NUMBERS = (
    "first_arrival", "last_arrival", "opened_at_us", "last_at_us", "changed_at_us",
)  # fmt: skip


def _create_suppressions() -> None:
    op.create_table(
        "suppressions",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("entity_key", sa.Text),
        sa.Column("rule", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("made_at_us", sa.BigInteger, nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False),
        sa.Column("ended_by", sa.Text),
        sa.Column("ended_at_us", sa.BigInteger),
    )
    op.create_index("suppressions_scenario", "suppressions", ["scenario", "until_us"])
    op.create_table(
        "suppressed", _arrival("arrival"), sa.Column("suppression_id", sa.Integer, nullable=False)
    )
    op.create_index("suppressed_suppression", "suppressed", ["suppression_id"])


def _arrival(name: str) -> sa.Column[int]:
    return sa.Column(
        name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False
    )
