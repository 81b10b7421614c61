"""Alembic's entry point: runs the versions on the connection that `store.database` hands over."""

from __future__ import annotations

from alembic import context

from flowstead.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter a column in place
    transactional_ddl=True,  # we begin transactions ourselves, so SQLite can undo half a migration
)
with context.begin_transaction():
    context.run_migrations()
