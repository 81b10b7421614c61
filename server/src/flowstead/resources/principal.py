"""Principal: somebody who may do something."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Principal:
    """A service principal. object_id: what role assignments name; client_id: what it signs in with.
    secret_hash: of its client secret; the secret itself is not kept. is_owner: made at the first start, may all."""

    object_id: str
    tenant_id: str
    client_id: str
    name: str
    is_owner: bool
    secret_hash: str = field(repr=False)
    created_at: str
