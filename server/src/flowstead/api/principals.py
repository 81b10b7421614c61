"""Users and service principals: who signs in with a secret of his own. Identities have routes of their own."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from flowstead.access.outsiders import outsider
from flowstead.access.principals import hash_secret, new_secret
from flowstead.api.arm import page
from flowstead.api.bodies import Body
from flowstead.api.context import Context, Here, Needs
from flowstead.errors import BadArgument, InvalidName, ResourceConflict, ResourceNotFound
from flowstead.resources.clock import iso
from flowstead.resources.principal import Principal, PrincipalType
from flowstead.resources.role import AUTHORIZATION
from flowstead.store import Reading

PROVIDER = "Flowstead.Access"
_PRINCIPALS = f"/subscriptions/{{subscription}}/providers/{PROVIDER}/principals"
_PRINCIPAL = f"{_PRINCIPALS}/{{principal}}"
_NAME = re.compile(r"[A-Za-z0-9][\w.@-]{1,119}", re.ASCII)
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TYPES = {each.value.lower(): each for each in (PrincipalType.USER, PrincipalType.SERVICE_PRINCIPAL)}
router = APIRouter(tags=["principals"])
# Whoever resets an owner's secret can be that owner: to change principals takes what granting roles takes, which a
# contributor has not.
Reader = Depends(Needs("principals/read", AUTHORIZATION))
Writer = Annotated[Principal, Depends(Needs("principals/write", AUTHORIZATION))]


class PrincipalProperties(Body):
    """type: User or ServicePrincipal."""

    type: str = PrincipalType.SERVICE_PRINCIPAL.value


class PrincipalBody(Body):
    properties: PrincipalProperties = PrincipalProperties()


@router.get(_PRINCIPALS, dependencies=[Reader])
def list_principals(request: Request, here: Here) -> dict[str, Any]:
    """All, those of identities too, so that a name can be found for every object id."""
    with here.store.reading() as tx:
        found = tx.principals.all()
    return page(request, found, lambda each: _show(each, here))


@router.get(_PRINCIPAL, dependencies=[Reader])
def get_principal(principal: str, here: Here) -> JSONResponse:
    with here.store.reading() as tx:
        return JSONResponse(_show(_named(tx, principal), here))


@router.put(_PRINCIPAL, status_code=201)
def put_principal(principal: str, body: PrincipalBody, here: Here, caller: Writer) -> JSONResponse:
    """Create a user or service principal. The answer holds its secret, this once. 200 without a secret when it is there
    already. It may nothing until it is granted a role."""
    kind = _TYPES.get(body.properties.type.lower())
    if kind is None:
        raise BadArgument("type is neither User nor ServicePrincipal.", target="properties.type")
    if not _NAME.fullmatch(principal):
        raise InvalidName(
            f"The name {principal!r} is not allowed.",
            hint="Begin with a letter or digit; use 2 to 120 letters, digits and . _ @ -.",
            target="name",
        )
    with here.store.transaction() as tx:
        known = _find(tx, principal)
        if known is not None:
            if known.type is not kind:
                raise ResourceConflict(f"{principal} is a {known.type}.", hint="Choose another name.", target="name")
            return JSONResponse(_show(known, here))
        secret = new_secret()
        added = Principal(
            object_id=str(uuid.uuid4()),
            tenant_id=here.access.tenant_id,
            client_id=str(uuid.uuid4()),
            name=principal,
            is_owner=False,
            secret_hash=hash_secret(secret),
            created_at=iso(here.clock.now()),
            type=kind,
        )
        tx.principals.put(added)
        tx.journal.record(caller.name, "create", here.workspace.principal(principal), after={"type": kind.value})
    return JSONResponse(_show(added, here, secret), status_code=201)


@router.delete(_PRINCIPAL)
def delete_principal(
    principal: str, here: Here, caller: Annotated[Principal, Depends(Needs("principals/delete", AUTHORIZATION))]
) -> Response:
    """Delete it with its role assignments; none of its tokens opens anything any more."""
    with here.store.transaction() as tx:
        known = _find(tx, principal)
        if known is None:
            return Response(status_code=204)
        if known.is_owner:
            raise ResourceConflict("The owner of this home stays.", hint="`resetSecret` gives it another secret.")
        tx.principals.remove(known.object_id)
        tx.journal.record(caller.name, "remove", here.workspace.principal(known.name))
    here.hint()
    return Response(status_code=200)


@router.post(f"{_PRINCIPAL}/resetSecret")
def reset_principal_secret(principal: str, here: Here, caller: Writer) -> JSONResponse:
    """Another secret, which the answer holds this once. The old one, and all tokens got with it, end at once."""
    secret = new_secret()
    changed = _change(principal, here, caller, "resetSecret", {"secret_hash": hash_secret(secret)})
    return JSONResponse(_show(changed, here, secret))


@router.post(f"{_PRINCIPAL}/revokeTokens")
def revoke_principal_tokens(principal: str, here: Here, caller: Writer) -> JSONResponse:
    """End all tokens that it has at present, those for endpoints too; its secret stays good for new ones. For somebody
    whom the external issuer knows: those of that issuer too."""
    return JSONResponse(_show(_change(principal, here, caller, "revokeTokens", {}), here))


@router.post(f"{_PRINCIPAL}/block")
def block_principal(principal: str, here: Here, caller: Writer) -> JSONResponse:
    """Let it in no more, whatever it comes with and whatever roles it has. Somebody whom only the external issuer knows
    is named by his object id."""
    return JSONResponse(_show(_change(principal, here, caller, "block", {"blocked": True}), here))


@router.post(f"{_PRINCIPAL}/unblock")
def unblock_principal(principal: str, here: Here, caller: Writer) -> JSONResponse:
    """Let it in again; tokens from before stay ended."""
    return JSONResponse(_show(_change(principal, here, caller, "unblock", {"blocked": False}), here))


def _change(name: str, here: Context, caller: Principal, action: str, values: Mapping[str, Any]) -> Principal:
    with here.store.transaction() as tx:
        known = _outsider(tx, name, here) or _named(tx, name)
        if known.is_owner and values:
            raise ResourceConflict(
                "The owner of this home stays, with the secret in its credentials.json.",
                hint="To get another secret, remove that file and start the server again.",
            )
        if "secret_hash" in values and (known.issuer or known.resource_id):
            raise ResourceConflict(f"{known.name} does not sign in with a secret.", hint="It needs none.")
        now = int(here.clock.now().timestamp())
        changed = replace(known, session=secrets.token_hex(8), tokens_from=now if known.issuer else 0, **values)
        tx.principals.put(changed)
        tx.journal.record(caller.name, action, here.workspace.principal(known.name))
    here.hint()
    return changed


def _outsider(tx: Reading, name: str, here: Context) -> Principal | None:
    """Somebody who has no row yet because only the external issuer knows him; None for anybody else."""
    issuer = here.access.external_issuer
    known = _find(tx, name) or tx.principals.by_object(name) or tx.principals.by_client(name)
    if not issuer or known is not None or not _GUID.fullmatch(name):
        return None
    made = outsider(name.lower(), issuer, tenant_id=here.access.tenant_id)
    return replace(made, session="", created_at=iso(here.clock.now()))


def _named(tx: Reading, name: str) -> Principal:
    """By name, or by the object id or client id of any principal. Raises ResourceNotFound."""
    found = _find(tx, name) or tx.principals.by_object(name) or tx.principals.by_client(name)
    if found is None:
        raise ResourceNotFound(f"There is no principal {name}.", target=name)
    return found


def _find(tx: Reading, name: str) -> Principal | None:
    """Users and service principals are known by their names."""
    return next((each for each in tx.principals.by_name(name) if not each.resource_id), None)


def _show(principal: Principal, here: Context, secret: str = "") -> dict[str, Any]:
    properties: dict[str, Any] = {
        "type": principal.type.value,
        "principalId": principal.object_id,
        "clientId": principal.client_id,
        "tenantId": principal.tenant_id,
        "createdOn": principal.created_at,
    }
    if principal.resource_id:
        properties["resourceId"] = principal.resource_id
    if principal.issuer:
        properties["issuer"] = principal.issuer
    if principal.blocked:
        properties["blocked"] = True
    if secret:
        properties["clientSecret"] = secret
    return {
        "id": here.workspace.principal(principal.name),
        "name": principal.name,
        "type": f"{PROVIDER}/principals",
        "properties": properties,
    }
