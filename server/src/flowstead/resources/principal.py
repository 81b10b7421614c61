"""Principal: somebody who may do something."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from flowstead.resources.role import RoleGrant


class PrincipalType(StrEnum):
    """As role assignments spell it; an identity is a service principal to them."""

    USER = "User"
    SERVICE_PRINCIPAL = "ServicePrincipal"
    MANAGED_IDENTITY = "ManagedIdentity"

    @property
    def in_assignments(self) -> str:
        return self.USER.value if self is self.USER else self.SERVICE_PRINCIPAL.value


@dataclass(frozen=True)
class Principal:
    """object_id: what role assignments name; client_id: what it signs in with. secret_hash: of its client secret, ""
    for none; the secret itself is not kept. is_owner: made at the first start; its rights are a role like any other.
    resource_id: of the endpoint or identity that it belongs to, "" for none. session: changes when what was issued to
    it shall not hold any more. blocked: it may not come in, whatever roles it has. issuer: the URL of the external
    issuer that knows it, "" for one who signs in here; tokens_from: since when that one's tokens count, Unix seconds.
    grants: all roles that it has, as they were when it was recognised."""

    object_id: str
    tenant_id: str
    client_id: str
    name: str
    is_owner: bool
    secret_hash: str = field(repr=False)
    created_at: str
    type: PrincipalType = PrincipalType.SERVICE_PRINCIPAL
    resource_id: str = ""
    session: str = ""
    blocked: bool = False
    issuer: str = ""
    tokens_from: int = 0
    grants: tuple[RoleGrant, ...] = field(default=(), repr=False)
