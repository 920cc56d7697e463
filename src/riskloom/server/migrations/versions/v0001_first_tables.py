"""First tables: events, personal data, decisions, bundles, model runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ARRIVAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create everything."""
    op.create_table(
        "events",
        sa.Column("arrival", ARRIVAL, primary_key=True, autoincrement=False),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("entity_key", sa.Text),
        sa.Column("event_time_us", sa.BigInteger, nullable=False),
        sa.Column("arrived_at_us", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.Column("sent", sa.Text, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("features", sa.String(64), nullable=False),
        sa.Column("degraded", sa.Text, nullable=False),
        sa.UniqueConstraint("scenario", "event_id", name="events_scenario_event_id"),
    )
    op.create_index("events_entity_key", "events", ["scenario", "entity_key", "arrival"])
    op.create_table(
        "personal_data",
        sa.Column("arrival", ARRIVAL, primary_key=True, autoincrement=False),
        sa.Column("fields", sa.Text, nullable=False),
    )
    op.create_table(
        "decisions",
        sa.Column("arrival", ARRIVAL, primary_key=True, autoincrement=False),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("decided_at_us", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.SmallInteger, nullable=False),
        sa.Column("anomaly_score", sa.Float),
        sa.Column("risk_score", sa.Float),
        sa.Column("probability", sa.Float),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("bundle", sa.String(64), nullable=False),
        sa.Column("degraded", sa.Text, nullable=False),
        sa.Column("contributions", sa.Text),
    )
    op.create_index("decisions_decided", "decisions", ["scenario", "decided_at_us", "outcome"])
    flagged = sa.text("outcome > 0")
    op.create_index(
        "decisions_flagged",
        "decisions",
        ["scenario", "arrival"],
        sqlite_where=flagged,
        postgresql_where=flagged,
    )
    op.create_table(
        "bundles",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("first_used_at_us", sa.BigInteger, nullable=False),
        sa.Column("parts", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
    )
    op.create_table(
        "model_runs",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("model_type", sa.String(64), nullable=False),
        sa.Column("trained_rows", sa.BigInteger, nullable=False),
        sa.Column("threshold", sa.Float, nullable=False),
        sa.Column("percentile", sa.Float, nullable=False),
        sa.Column("feature_columns", sa.Text, nullable=False),
        sa.Column("bundle", sa.String(64), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
    )
