"""The master key by its id, and the root of derived keys, sealed under it; the next start fills the row in."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "master_key",
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("sealed_root", sa.LargeBinary, nullable=False),
        sa.Column("rotated_at", sa.String(32), nullable=False, server_default=""),
        sa.Column("finished", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_master_key"),
    )


def downgrade() -> None:
    op.drop_table("master_key")
