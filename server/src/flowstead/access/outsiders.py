"""Principals whom only an external issuer knows: they have roles here, and a row only when something was decided about
them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from flowstead.access.external_issuer import LEEWAY_S, Outsider
from flowstead.errors import Unauthorized
from flowstead.resources.principal import Principal, PrincipalType
from flowstead.resources.role import RoleGrant


def outsider(
    object_id: str,
    issuer: str,
    *,
    row: Principal | None = None,
    grants: tuple[RoleGrant, ...] = (),
    name: str = "",
    type: PrincipalType = PrincipalType.USER,
    tenant_id: str = "",
) -> Principal:
    """As a principal. row: what is known of him here. His session names the issuer: when the configuration names
    another one, what was issued to him ends."""
    return Principal(
        object_id=object_id,
        tenant_id=tenant_id,
        client_id=object_id,
        name=name or object_id,
        is_owner=False,
        secret_hash="",
        created_at="",
        type=type,
        session=_session(issuer, row),
        blocked=row is not None and row.blocked,
        issuer=issuer,
        tokens_from=0 if row is None else row.tokens_from,
        grants=grants,
    )


def demand_welcome(principal: Principal, row: Principal | None, who: Outsider) -> None:
    """Raises Unauthorized for one of our own, whom no other issuer may speak for, for who is blocked, and for a token
    from before its end was asked for."""
    if row is not None and not row.issuer:
        raise Unauthorized(
            f"The object id {principal.object_id} is that of a principal of this server.", hint="Sign in here."
        )
    demand_not_blocked(principal)
    # By the issuer's clock, which may be fast: what it says was issued a moment later may be from before.
    if who.issued_at <= principal.tokens_from + LEEWAY_S and principal.tokens_from:
        raise Unauthorized(
            "The token has been revoked.", hint=f"Sign in again; new tokens count {LEEWAY_S} s after that."
        )


def demand_not_blocked(principal: Principal) -> None:
    """Raises Unauthorized."""
    if principal.blocked:
        raise Unauthorized(
            f"The principal {principal.name} is blocked.",
            hint=f"An owner can end that: flowstead principal unblock --name {principal.object_id}",
        )


def who_may_come(
    principals: Iterable[Principal], elsewhere: Mapping[str, tuple[RoleGrant, ...]], issuer: str
) -> list[Principal]:
    """Everybody whose tokens count, as far as his roles go. principals: all rows; elsewhere: the roles of those who
    have none; issuer: the external one, "" for none."""
    ours = [each for each in principals if not each.blocked and not each.issuer]
    if not issuer:
        return ours
    with_rows = [
        replace(each, issuer=issuer, session=_session(issuer, each))
        for each in principals
        if each.issuer and not each.blocked
    ]
    return [*ours, *with_rows, *(outsider(id, issuer, grants=grants) for id, grants in elsewhere.items())]


def _session(issuer: str, row: Principal | None) -> str:
    named = hashlib.sha256(issuer.encode()).hexdigest()[:12]
    return f"{named}.{row.session}" if row is not None and row.session else named
