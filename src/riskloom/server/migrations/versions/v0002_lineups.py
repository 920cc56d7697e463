"""Who decides beside whom: line-ups of versions, and what those said that did not decide."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ARRIVAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables, and to decisions the line-up they were made in."""
    op.add_column("decisions", sa.Column("lineup", sa.Integer))
    op.create_table(
        "trials",
        sa.Column("arrival", ARRIVAL, primary_key=True, autoincrement=False),
        sa.Column("bundle", sa.String(64), primary_key=True),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("outcome", sa.SmallInteger, nullable=False),
        sa.Column("anomaly_score", sa.Float),
        sa.Column("risk_score", sa.Float),
        sa.Column("probability", sa.Float),
        sa.Column("reasons", sa.Text, nullable=False),
    )
    op.create_index("trials_bundle", "trials", ["scenario", "bundle", "arrival"])
    op.create_table(
        "lineups",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("since_us", sa.BigInteger, nullable=False),
        sa.Column("change", sa.Integer, nullable=False),
        sa.Column("versions", sa.Text, nullable=False),
    )
