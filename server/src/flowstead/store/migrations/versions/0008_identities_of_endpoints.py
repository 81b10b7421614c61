"""Endpoints keep which identities their users meant, besides their names: those of that name now."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ADDED = "identity_uids"
_resources = sa.table(
    "resources", sa.column("key"), sa.column("kind"), sa.column("uid"), sa.column("spec", sa.JSON)
)


def upgrade() -> None:
    uids = {key: uid for key, uid, _ in _rows("identity")}
    for key, _, spec in _rows("endpoint"):
        named = [each.lower() for each in spec.get("identity", {}).get("userAssignedIdentities") or ()]
        _write(key, {**spec, _ADDED: {each: uids[each] for each in named if each in uids}})


def downgrade() -> None:
    for key, _, spec in _rows("endpoint"):
        _write(key, {name: value for name, value in spec.items() if name != _ADDED})


def _rows(kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    query = sa.select(_resources.c.key, _resources.c.uid, _resources.c.spec).where(_resources.c.kind == kind)
    for row in op.get_bind().execute(query).all():
        yield row.key, row.uid, row.spec


def _write(key: str, spec: dict[str, Any]) -> None:
    """Beside the generation: what the user wants is what it was."""
    op.get_bind().execute(_resources.update().where(_resources.c.key == key).values(spec=spec))
