"""Identities: who an endpoint is towards others."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from flowstead.resources.principal import Principal

IDENTITY_URL, IDENTITY_KEY = "FLOWSTEAD_IDENTITY_URL", "FLOWSTEAD_IDENTITY_KEY"
"""The variables by which an instance gets tokens, as `flowstead_runtime.identity.agent` has them: the server may not
import that module, a test compares."""


@dataclass(frozen=True)
class Application:
    """An application elsewhere that trusts our issuer for this identity: tokens for what lies there are got from its
    authority for an assertion of ours. authority: an https URL; tenant_id, client_id: as that authority knows them."""

    authority: str
    tenant_id: str
    client_id: str


@dataclass(frozen=True)
class IdentitySpec:
    """A user-assigned identity. application: None when it is at home here only."""

    location: str = "local"
    tags: Mapping[str, str] = field(default_factory=dict)
    application: Application | None = None


@dataclass(frozen=True)
class EndpointIdentity:
    """Who an endpoint is. name: as users know it; principal: None when it has none, or when it is gone.
    user_assigned: made by a user, who grants its roles. application: what it is elsewhere, where its roles are then."""

    name: str
    principal: Principal | None
    user_assigned: bool = False
    application: Application | None = None


@dataclass(frozen=True)
class UsedConnection:
    """A connection that a deployment uses. target_id: ARM id of the resource that it leads to, the connection's own
    when it names none."""

    id: str
    name: str
    category: str
    auth_type: str
    target_id: str


def principal_id_of(uid: str) -> str:
    """Object id of the identity that a resource has or is. uid: of the endpoint or the user-assigned identity; so it
    goes with its resource and never comes back."""
    return str(uuid.uuid5(uuid.UUID(uid), "identity"))


def client_id_of(uid: str) -> str:
    return str(uuid.uuid5(uuid.UUID(uid), "client"))
