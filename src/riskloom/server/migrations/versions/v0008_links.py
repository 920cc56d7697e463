"""Which events an entity has, other than the main one: derived from the log in the background."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "entity_events",
        sa.Column("scenario", sa.String(64), primary_key=True),
        sa.Column("field", sa.String(64), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("arrival", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "links_read",
        sa.Column("scenario", sa.String(64), primary_key=True),
        sa.Column("arrival", sa.BigInteger, nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
    )
