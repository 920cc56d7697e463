"""Labels: the log's second kind of entry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of labels."""
    op.create_table(
        "labels",
        sa.Column(
            "arrival",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("about", sa.BigInteger, nullable=False),
        sa.Column("fraud", sa.Boolean, nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("known_at_us", sa.BigInteger, nullable=False),
        sa.Column("code", sa.Text),
        sa.Column("told_at_us", sa.BigInteger, nullable=False),
        sa.Column("truth", sa.Boolean, nullable=False),
    )
    op.create_index("labels_about", "labels", ["about"])
