"""Revisions: what the instances that serve were started with."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "revisions",
        sa.Column("deployment_key", sa.String(1024), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("sealed_secrets", sa.LargeBinary, nullable=False),
        sa.Column("kept_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("deployment_key", "name", name="pk_revisions"),
        sa.ForeignKeyConstraint(
            ["deployment_key"], ["resources.key"], name="fk_revisions_deployment_key", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    op.drop_table("revisions")
