"""The outbox of notices, the clocks of alerts, the paces of channels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
_PENDING = sa.text("ended_at_us is null")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("alert_id", sa.BigInteger),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("step", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("escalate", sa.Boolean, nullable=False),
        sa.Column("digest", sa.Boolean, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("due_at_us", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("holder", sa.String(32)),
        sa.Column("said", sa.Text),
        sa.Column("ended_at_us", sa.BigInteger),
        sa.Column("merged_into", sa.Integer),
        sa.UniqueConstraint("key", name="notices_key"),
    )
    _index_pending("notices_due", "notices", ["channel", "due_at_us", "id"])
    op.create_index("notices_state", "notices", ["scenario", "state", "id"])
    op.create_index("notices_alert", "notices", ["alert_id", "id"])
    op.create_table(
        "sla_clocks",
        sa.Column("alert_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("clock", sa.String(16), primary_key=True),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started_at_us", sa.BigInteger, nullable=False),
        sa.Column("due_at_us", sa.BigInteger, nullable=False),
        sa.Column("next_at_us", sa.BigInteger, nullable=False),
        sa.Column("channels", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("ended_at_us", sa.BigInteger),
    )
    _index_pending("sla_clocks_next", "sla_clocks", ["next_at_us"])
    op.create_table(
        "notice_paces",
        sa.Column("channel", sa.String(64), primary_key=True),
        sa.Column("free_at_us", sa.BigInteger, nullable=False),
    )


def _index_pending(name: str, table: str, columns: list[str]) -> None:
    op.create_index(name, table, columns, sqlite_where=_PENDING, postgresql_where=_PENDING)
