"""Service principals: made with a secret, known by its hash; the owner is made at the first start."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from flowstead.resources.clock import Clock, iso
from flowstead.resources.home import Home
from flowstead.resources.names import Workspace
from flowstead.resources.principal import Principal
from flowstead.resources.private_file import write_private
from flowstead.resources.role import RoleGrant
from flowstead.resources.settings import ServerSettings

_SECRET_BYTES = 32


class PrincipalTable(Protocol):
    """Where principals are kept; the store has one."""

    def owner(self) -> Principal | None: ...

    def find(self, client_id: str) -> Principal | None: ...

    def outsider(self, object_id: str) -> tuple[Principal | None, tuple[RoleGrant, ...]]: ...

    def put(self, principal: Principal) -> None: ...

    def grant_owner(self, principal: Principal) -> Principal: ...


def new_secret() -> str:
    """256 random bits in characters that need no quoting anywhere."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def hash_secret(secret: str) -> str:
    """A plain digest is enough: the secret is 256 random bits, there is nothing to guess."""
    return "sha256:" + hashlib.sha256(secret.encode()).hexdigest()


def secret_matches(principal: Principal, secret: str) -> bool:
    return hmac.compare_digest(principal.secret_hash, hash_secret(secret))


def ensure_owner(table: PrincipalTable, home: Home, settings: ServerSettings, clock: Clock) -> Principal:
    """The owner; made, with the credentials file for the CLI on this machine, when there is none.

    A lost or foreign credentials file is written anew with a new secret, and a lost role given again: who can write
    the home is its owner."""
    owner = table.owner()
    known = _read_credentials(home)
    secret = known.get("client_secret", "")
    if owner is None:
        owner = Principal(
            object_id=str(uuid.uuid4()),
            tenant_id=str(uuid.uuid4()),
            client_id=str(uuid.uuid4()),
            name="owner",
            is_owner=True,
            secret_hash="",
            created_at=iso(clock.now()),
        )
    if known.get("client_id") != owner.client_id or not secret_matches(owner, secret):
        secret = new_secret()
        owner = replace(owner, secret_hash=hash_secret(secret))
        table.put(owner)
    owner = table.grant_owner(owner)
    _write_credentials(home, settings, owner, secret, known)
    return owner


def _write_credentials(
    home: Home, settings: ServerSettings, owner: Principal, secret: str, known: Mapping[str, str]
) -> None:
    workspace = Workspace()
    credentials = {
        "url": settings.base_url("http"),
        "tenant_id": owner.tenant_id,
        "client_id": owner.client_id,
        "client_secret": secret,
        "subscription_id": workspace.subscription,
        "resource_group": workspace.resource_group,
        "workspace": workspace.name,
    }
    if credentials != known:
        write_private(home.credentials, json.dumps(credentials, indent=2).encode() + b"\n")


def _read_credentials(home: Home) -> Mapping[str, str]:
    try:
        known = json.loads(home.credentials.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
