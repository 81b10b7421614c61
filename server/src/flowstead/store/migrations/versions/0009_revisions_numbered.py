"""Revisions are numbered, and more than one of a deployment is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ALL = (
    "INSERT INTO revisions SELECT deployment_key, 1, revisions_before.name, revisions_before.spec, content_hash, "
    "sealed_secrets, kept_at, modified_by, kept_at, NULL FROM revisions_before "
    "JOIN resources ON resources.key = deployment_key"
)
_THE_SERVING = (
    "INSERT INTO revisions SELECT deployment_key, name, spec, content_hash, sealed_secrets, kept_at "
    "FROM revisions_numbered AS one WHERE number = (SELECT max(number) FROM revisions_numbered AS other "
    "WHERE other.deployment_key = one.deployment_key AND other.kept_at != '')"
)


def upgrade() -> None:
    op.rename_table("revisions", "revisions_before")
    _make(
        "revisions",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("sealed_secrets", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("kept_at", sa.String(32), nullable=False),
        sa.Column("error", sa.JSON, nullable=True),
        told_by="number",
    )
    op.execute(_ALL)
    op.drop_table("revisions_before")


def downgrade() -> None:
    op.rename_table("revisions", "revisions_numbered")
    _make(
        "revisions",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("sealed_secrets", sa.LargeBinary, nullable=False),
        sa.Column("kept_at", sa.String(32), nullable=False),
        told_by="name",
    )
    op.execute(_THE_SERVING)
    op.drop_table("revisions_numbered")


def _make(table: str, *columns: sa.Column[object], told_by: str) -> None:
    op.create_table(
        table,
        sa.Column("deployment_key", sa.String(1024), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("deployment_key", told_by, name="pk_revisions"),
        sa.ForeignKeyConstraint(
            ["deployment_key"], ["resources.key"], name="fk_revisions_deployment_key", ondelete="CASCADE"
        ),
    )
