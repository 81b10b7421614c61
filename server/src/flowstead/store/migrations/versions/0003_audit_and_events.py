"""Audit records say by which request and with what outcome; events, for those who follow what happens."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ADDED = (
    sa.Column("principal_id", sa.String(64), nullable=False, server_default=""),
    sa.Column("request_id", sa.String(64), nullable=False, server_default=""),
    sa.Column("operation_id", sa.String(64), nullable=False, server_default=""),
    sa.Column("outcome", sa.String(32), nullable=False, server_default="Succeeded"),
    sa.Column("error", sa.JSON, nullable=True),
)


def upgrade() -> None:
    for column in _ADDED:
        op.add_column("audit", column)
    op.create_index("ix_audit_operation_id", "audit", ["operation_id"])
    op.create_table(
        "events",
        sa.Column("sequence", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("resource_id", sa.String(1024), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_events"),
        sqlite_autoincrement=True,  # a number is never given twice, whatever has been forgotten since
    )
    op.create_index("ix_operations_started_at", "operations", ["started_at"])


def downgrade() -> None:
    op.drop_index("ix_operations_started_at", "operations")
    op.drop_table("events")
    op.drop_index("ix_audit_operation_id", "audit")
    for column in _ADDED:
        op.drop_column("audit", column.name)
