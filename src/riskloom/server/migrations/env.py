"""Runs migrations on the connection handed over by `riskloom.server.db.upgrade`."""

from __future__ import annotations

from alembic import context

from riskloom.server.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
