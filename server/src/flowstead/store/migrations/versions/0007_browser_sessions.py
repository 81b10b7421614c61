"""Browsers sign in: their sessions, and the codes of one-time links. Hashes alone, no secret."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _holder() -> tuple[sa.Column[str], ...]:
    return (
        sa.Column("client_id", sa.String(36), nullable=False),
        sa.Column("issuer", sa.String(1024), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("principal_session", sa.String(32), nullable=False),
    )


def upgrade() -> None:
    op.create_table(
        "browser_sessions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("secret_hash", sa.String(80), nullable=False),
        sa.Column("principal_id", sa.String(36), nullable=False),
        *_holder(),
        sa.Column("client", sa.String(200), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("used_at", sa.String(32), nullable=False),
        sa.Column("ends_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_browser_sessions"),
        sa.UniqueConstraint("secret_hash", name="uq_browser_sessions_secret_hash"),
    )
    op.create_index("ix_browser_sessions_principal_id", "browser_sessions", ["principal_id"])
    op.create_table(
        "sign_in_codes",
        sa.Column("code_hash", sa.String(80), nullable=False),
        sa.Column("principal_id", sa.String(36), nullable=False),
        *_holder(),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("ends_at", sa.String(32), nullable=False),
        sa.Column("used_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("code_hash", name="pk_sign_in_codes"),
    )
    op.create_index("ix_sign_in_codes_principal_id", "sign_in_codes", ["principal_id"])


def downgrade() -> None:
    op.drop_table("sign_in_codes")
    op.drop_table("browser_sessions")
