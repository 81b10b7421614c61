"""Tokens of the identity that an instance has: asked for by the instance itself, with the key that it was started
with."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from fastapi.responses import JSONResponse

from flowstead.access.federation import ASSERTION_AUDIENCE
from flowstead.api.bodies import Body
from flowstead.api.context import Context, Here
from flowstead.errors import BadArgument, IdentityMissing, Unauthorized
from flowstead.resources.identity import EndpointIdentity
from flowstead.resources.principal import Principal
from flowstead.store.identities import Identities
from flowstead.store.records import EndpointRecord, Kind

_RESOURCE = re.compile(r"[A-Za-z0-9][\w.:/-]{0,511}", re.ASCII)
REFRESH_S = 3600
"""How soon an instance asks for another token, seconds: one that has ended before its time, with the issuer's keys, is
out of use by then."""
router = APIRouter(tags=["identities"])


class IdentityTokenBody(Body):
    """resource: for whom the token is to be, `https://cognitiveservices.azure.com`; a scope's `/.default` is let go.
    clientId: of the user-assigned identity that is meant."""

    resource: str
    client_id: str | None = None


def instance_endpoint(
    here: Here, authorization: Annotated[str | None, Header()] = None
) -> tuple[EndpointRecord, EndpointIdentity]:
    """A dependency: the endpoint of the instance that asks, and who that is. Raises Unauthorized."""
    scheme, _, key = (authorization or "").partition(" ")
    uid = here.instance_keys.deployment_of(key.strip()) if scheme.lower() == "bearer" else None
    with here.store.reading() as tx:
        deployment = next((each for each in tx.list(Kind.DEPLOYMENT) if each.uid == uid), None) if uid else None
        endpoint = tx.find(Kind.ENDPOINT, deployment.parent_id) if deployment else None
        if endpoint is None:
            raise Unauthorized("This is not the key of an instance.", hint="An instance gets its own at its start.")
        return endpoint, Identities(tx).identity(endpoint)


@router.post("/identity/token")
def identity_token(
    body: IdentityTokenBody,
    here: Here,
    asking: Annotated[tuple[EndpointRecord, EndpointIdentity], Depends(instance_endpoint)],
) -> JSONResponse:
    """A token of the identity of the instance's endpoint."""
    resource = body.resource.removesuffix("/.default").rstrip("/")
    if not _RESOURCE.fullmatch(resource):
        raise BadArgument("resource is no name of whom a token could be for.", target="resource")
    endpoint, identity = asking
    principal = identity.principal
    if principal is None:
        raise IdentityMissing(f"The endpoint {endpoint.name} has no identity.", target=endpoint.id)
    if body.client_id and body.client_id.lower() not in (principal.client_id, principal.object_id):
        raise IdentityMissing(f"The endpoint {endpoint.name} has no identity with the client id {body.client_id[:64]}.")
    return JSONResponse(_token(here, identity, principal, resource))


def _token(here: Context, identity: EndpointIdentity, principal: Principal, resource: str) -> dict[str, Any]:
    application = identity.application
    if application is None or here.access.is_own_audience(resource):
        token = here.access.identity_token(principal, resource)
        return _shown(token.text, token.issued_at, token.expires_at, resource, principal.client_id)
    now = int(here.clock.now().timestamp())
    assertion = here.access.assertion(principal, ASSERTION_AUDIENCE)
    foreign = here.authorities.exchange(application, assertion, resource)
    return _shown(foreign.text, now, now + foreign.expires_in, resource, application.client_id)


def _shown(text: str, begins: int, ends: int, resource: str, client_id: str) -> dict[str, Any]:
    """Times: Unix seconds."""
    return {
        "access_token": text,
        "expires_on": ends,
        "refresh_on": begins + min(REFRESH_S, (ends - begins) // 2),
        "resource": resource,
        "token_type": "Bearer",
        "client_id": client_id,
    }
