"""First tables: resources, secrets, operations, audit, principals."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "resources",
        sa.Column("key", sa.String(1024), nullable=False),
        sa.Column("id", sa.String(1024), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("parent_key", sa.String(1024), nullable=False),
        sa.Column("parent_id", sa.String(1024), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("deleting", sa.Boolean, nullable=False),
        sa.Column("status", sa.JSON, nullable=True),
        sa.Column("state", sa.String(32), nullable=False, server_default=""),
        sa.Column("observed_generation", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("modified_at", sa.String(32), nullable=False),
        sa.Column("modified_by", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_resources"),
        sa.UniqueConstraint("uid", name="uq_resources_uid"),
    )
    op.create_index("ix_resources_kind_parent_key", "resources", ["kind", "parent_key"])
    op.create_index("ix_resources_parent_key", "resources", ["parent_key"])
    op.create_table(
        "secrets",
        sa.Column("resource_key", sa.String(1024), nullable=False),
        sa.Column("name", sa.String(512), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("modified_at", sa.String(32), nullable=False),
        sa.Column("modified_by", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("resource_key", "name", name="pk_secrets"),
        sa.ForeignKeyConstraint(
            ["resource_key"], ["resources.key"], name="fk_secrets_resource_key", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "operations",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("resource_key", sa.String(1024), nullable=False),
        sa.Column("resource_id", sa.String(1024), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("phase", sa.String(64), nullable=False, server_default=""),
        sa.Column("phase_times", sa.JSON, nullable=True),
        sa.Column("error", sa.JSON, nullable=True),
        sa.Column("started_at", sa.String(32), nullable=False),
        sa.Column("ended_at", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_operations"),
    )
    op.create_index("ix_operations_resource_key_state", "operations", ["resource_key", "state"])
    op.create_index("ix_operations_state", "operations", ["state"])
    op.create_table(
        "audit",
        sa.Column("sequence", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("resource_key", sa.String(1024), nullable=False),
        sa.Column("resource_id", sa.String(1024), nullable=False),
        sa.Column("before", sa.JSON, nullable=True),
        sa.Column("after", sa.JSON, nullable=True),
        sa.Column("detail", sa.String(1024), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit"),
    )
    op.create_index("ix_audit_resource_key", "audit", ["resource_key"])
    op.create_table(
        "principals",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("tenant_id", sa.String(36), nullable=False),
        sa.Column("client_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("is_owner", sa.Boolean, nullable=False),
        sa.Column("secret_hash", sa.String(255), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_principals"),
        sa.UniqueConstraint("client_id", name="uq_principals_client_id"),
    )


def downgrade() -> None:
    for table in ("principals", "audit", "operations", "secrets", "resources"):
        op.drop_table(table)
