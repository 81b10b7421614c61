"""Principals may be blocked, and may be known to an external issuer only."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ADDED = (
    sa.Column("blocked", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("issuer", sa.String(1024), nullable=False, server_default=""),
    sa.Column("tokens_from", sa.Integer, nullable=False, server_default="0"),
)


def upgrade() -> None:
    for column in _ADDED:
        op.add_column("principals", column)


def downgrade() -> None:
    for column in _ADDED:
        op.drop_column("principals", column.name)
