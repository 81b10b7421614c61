"""The tables. What is here must equal what the migrations make; a test compares the two."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

resources = sa.Table(
    "resources",
    metadata,
    # The ARM id in lower case: ids are looked up without regard to case.
    sa.Column("key", sa.String(1024), primary_key=True),
    sa.Column("id", sa.String(1024), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("parent_key", sa.String(1024), nullable=False),
    sa.Column("parent_id", sa.String(1024), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("uid", sa.String(32), nullable=False, unique=True),
    # The user's half of the row …
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("deleting", sa.Boolean, nullable=False),
    # … and the reconciler's; NULL until it first looked.
    sa.Column("status", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("state", sa.String(32), nullable=False, server_default=""),
    sa.Column("observed_generation", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("created_by", sa.String(255), nullable=False),
    sa.Column("modified_at", sa.String(32), nullable=False),
    sa.Column("modified_by", sa.String(255), nullable=False),
    sa.Index(None, "kind", "parent_key"),
    sa.Index(None, "parent_key"),
)

secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("resource_key", sa.String(1024), sa.ForeignKey("resources.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.String(512), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("modified_at", sa.String(32), nullable=False),
    sa.Column("modified_by", sa.String(255), nullable=False),
)

revisions = sa.Table(
    "revisions",
    metadata,
    sa.Column("deployment_key", sa.String(1024), sa.ForeignKey("resources.key", ondelete="CASCADE"), primary_key=True),
    # Not the name: one that comes back has the same again.
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("sealed_secrets", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("created_by", sa.String(255), nullable=False),
    # When it began to serve last, "" for one that never did.
    sa.Column("kept_at", sa.String(32), nullable=False),
    sa.Column("error", sa.JSON(none_as_null=True), nullable=True),
)

operations = sa.Table(
    "operations",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    # No foreign key: an operation is still polled when its resource is gone.
    sa.Column("resource_key", sa.String(1024), nullable=False),
    sa.Column("resource_id", sa.String(1024), nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("state", sa.String(32), nullable=False),
    sa.Column("phase", sa.String(64), nullable=False, server_default=""),
    sa.Column("phase_times", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("error", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("started_at", sa.String(32), nullable=False),
    sa.Column("ended_at", sa.String(32), nullable=True),
    sa.Index(None, "resource_key", "state"),
    sa.Index(None, "state"),
    sa.Index(None, "started_at"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("by", sa.String(255), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("resource_key", sa.String(1024), nullable=False),
    sa.Column("resource_id", sa.String(1024), nullable=False),
    sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("detail", sa.String(1024), nullable=False, server_default=""),
    sa.Column("principal_id", sa.String(64), nullable=False, server_default=""),
    sa.Column("request_id", sa.String(64), nullable=False, server_default=""),
    # The operation that carries the change out, "" for a change that is done once it is written.
    sa.Column("operation_id", sa.String(64), nullable=False, server_default=""),
    sa.Column("outcome", sa.String(32), nullable=False, server_default="Succeeded"),
    sa.Column("error", sa.JSON(none_as_null=True), nullable=True),
    sa.Index(None, "resource_key"),
    sa.Index(None, "operation_id"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("resource_id", sa.String(1024), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sqlite_autoincrement=True,  # old ones are forgotten, and a number is never given twice
)

principals = sa.Table(
    "principals",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("tenant_id", sa.String(36), nullable=False),
    sa.Column("client_id", sa.String(36), nullable=False, unique=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("is_owner", sa.Boolean, nullable=False),
    sa.Column("secret_hash", sa.String(255), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("type", sa.String(32), nullable=False, server_default="ServicePrincipal"),
    # The endpoint or identity that it belongs to, "" for none.
    sa.Column("resource_key", sa.String(1024), nullable=False, server_default=""),
    sa.Column("session", sa.String(32), nullable=False, server_default=""),
    sa.Column("blocked", sa.Boolean, nullable=False, server_default=sa.false()),
    # The external issuer that knows it, "" for one who signs in here; and since when its tokens count, Unix seconds.
    sa.Column("issuer", sa.String(1024), nullable=False, server_default=""),
    sa.Column("tokens_from", sa.Integer, nullable=False, server_default="0"),
    sa.Index(None, "resource_key"),
)

browser_sessions = sa.Table(
    "browser_sessions",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("secret_hash", sa.String(80), nullable=False, unique=True),
    # No foreign key: a principal's row is replaced as a whole when it changes.
    sa.Column("principal_id", sa.String(36), nullable=False),
    sa.Column("client_id", sa.String(36), nullable=False),
    sa.Column("issuer", sa.String(1024), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("principal_session", sa.String(32), nullable=False),
    sa.Column("client", sa.String(200), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("used_at", sa.String(32), nullable=False),
    sa.Column("ends_at", sa.String(32), nullable=False),
    sa.Index(None, "principal_id"),
)

sign_in_codes = sa.Table(
    "sign_in_codes",
    metadata,
    sa.Column("code_hash", sa.String(80), primary_key=True),
    sa.Column("principal_id", sa.String(36), nullable=False),
    sa.Column("client_id", sa.String(36), nullable=False),
    sa.Column("issuer", sa.String(1024), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("principal_session", sa.String(32), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("ends_at", sa.String(32), nullable=False),
    # Redeemed ones stay for a while, so that it is told when somebody tries one again.
    sa.Column("used_at", sa.String(32), nullable=False),
    sa.Index(None, "principal_id"),
)

master_key = sa.Table(
    "master_key",
    metadata,
    # One row: the key with which the sealed columns were written, by its id.
    sa.Column("key_id", sa.String(32), primary_key=True),
    # What lasting keys are derived from. That it opens tells that the key is the right one.
    sa.Column("sealed_root", sa.LargeBinary, nullable=False),
    sa.Column("rotated_at", sa.String(32), nullable=False, server_default=""),
    # False until nothing is left of the key before.
    sa.Column("finished", sa.Boolean, nullable=False),
)
