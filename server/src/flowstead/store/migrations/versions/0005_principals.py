"""Principals are of several types, and may belong to a resource; what was issued to one can be called back."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ADDED = (
    sa.Column("type", sa.String(32), nullable=False, server_default="ServicePrincipal"),
    sa.Column("resource_key", sa.String(1024), nullable=False, server_default=""),
    sa.Column("session", sa.String(32), nullable=False, server_default=""),
)


def upgrade() -> None:
    for column in _ADDED:
        op.add_column("principals", column)
    op.create_index("ix_principals_resource_key", "principals", ["resource_key"])


def downgrade() -> None:
    op.drop_index("ix_principals_resource_key", "principals")
    for column in _ADDED:
        op.drop_column("principals", column.name)
