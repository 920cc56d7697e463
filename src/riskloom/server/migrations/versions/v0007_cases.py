"""Cases, and what people put into them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _create_cases()
    op.add_column("alerts", sa.Column("told_at_us", sa.BigInteger))
    op.create_index("alerts_case", "alerts", ["case_id"])
    is_untold = sa.text("disposition is not null and (told_at_us is null or told_at_us < closed_at_us)")
    op.create_index("alerts_untold", "alerts", ["id"], sqlite_where=is_untold, postgresql_where=is_untold)
    op.create_table(
        "case_notes",
        _number(),
        sa.Column("case_id", sa.Integer, nullable=False),
        sa.Column("note", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        *_by("author"),
        sa.UniqueConstraint("case_id", "note", "version", name="case_notes_version"),
    )
    op.create_table(
        "case_files",
        _number(),
        sa.Column("case_id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.String(128), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        *_by("author"),
        sa.UniqueConstraint("case_id", "sha256", "name", name="case_files_once"),
    )
    op.create_table(
        "case_links",
        _number(),
        sa.Column("case_id", sa.Integer, nullable=False),
        sa.Column("other_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        *_by("author"),
        sa.UniqueConstraint("case_id", "other_id", "kind", name="case_links_once"),
    )
    op.create_table(
        "case_tasks",
        _number(),
        sa.Column("case_id", sa.Integer, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("due_us", sa.BigInteger),
        *_by("author"),
        sa.Column("done_by", sa.Text),
        sa.Column("done_at_us", sa.BigInteger),
    )
    op.create_index("case_tasks_case", "case_tasks", ["case_id", "id"])


def _create_cases() -> None:
    op.create_table(
        "cases",
        _number(),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("entity", sa.String(64), nullable=False),
        sa.Column("entity_key", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("priority", sa.String(16), nullable=False),
        sa.Column("assignee", sa.Text),
        sa.Column("opened_by", sa.Text, nullable=False),
        sa.Column("opened_at_us", sa.BigInteger, nullable=False),
        sa.Column("changed_at_us", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("disposition", sa.String(32)),
        sa.Column("reason", sa.Text),
        sa.Column("only_marked", sa.Boolean, nullable=False),
        sa.Column("closed_by", sa.Text),
        sa.Column("confirmed_by", sa.Text),
        sa.Column("decided_at_us", sa.BigInteger),
        sa.Column("closed_at_us", sa.BigInteger),
    )
    is_taken = sa.text("state <> 'closed' and entity_key <> ''")
    op.create_index(
        "cases_one_of_an_entity",
        "cases",
        ["scenario", "entity", "entity_key"],
        unique=True,
        sqlite_where=is_taken,
        postgresql_where=is_taken,
    )
    op.create_index("cases_state", "cases", ["scenario", "state", "id"])
    op.create_table(
        "case_events",
        sa.Column("case_id", sa.Integer, primary_key=True),
        sa.Column(
            "arrival",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("disposition", sa.String(32), nullable=False),
        sa.Column("is_marked", sa.Boolean, nullable=False),
        *_by("actor"),
        sa.Column("is_told", sa.Boolean, nullable=False),
    )


def _number() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True, autoincrement=True)


def _by(name: str) -> tuple[sa.Column[str], sa.Column[int]]:
    return sa.Column(name, sa.Text, nullable=False), sa.Column("at_us", sa.BigInteger, nullable=False)
