"""Tokens of the identity that an instance has: asked for by the instance itself, with the key that it was started
with."""

from __future__ import annotations

import re
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse

from flowstead.access.federation import ASSERTION_AUDIENCE
from flowstead.api.bodies import Body
from flowstead.api.context import Context, Here, door_scheme
from flowstead.errors import BadArgument, IdentityMissing, ServerStarting, Unauthorized
from flowstead.resources.identity import EndpointIdentity
from flowstead.resources.principal import Principal
from flowstead.store.identities import Identities
from flowstead.store.records import EndpointRecord, Kind

_RESOURCE = re.compile(r"[A-Za-z0-9][\w.:/-]{0,511}", re.ASCII)
REFRESH_S = 3600
"""How soon an instance asks for another token, seconds: one that has ended before its time, with the issuer's keys, is
out of use by then."""
_AT_START = "An instance gets a key of its own at its start."
router = APIRouter(tags=["identities"])


class IdentityTokenBody(Body):
    """resource: for whom the token is to be, `https://cognitiveservices.azure.com`; a scope's `/.default` is let go.
    clientId: of the user-assigned identity that is meant."""

    resource: str
    client_id: str | None = None


def instance_endpoint(
    request: Request, here: Here, authorization: Annotated[str | None, Header()] = None
) -> tuple[EndpointRecord, EndpointIdentity]:
    """A dependency: the endpoint of the instance that asks, and who that is. Instances ask by the plain door, which
    stays on their own machine unless the settings say otherwise; a key is of no use at another, nor when its instance
    has gone.

    Raises Unauthorized, and ServerStarting before the first look at the instances: to accept a key until then would
    open a door with each restart, and the runtime takes a 503 as it takes a server that is away."""
    if door_scheme(request) != "http":
        raise Unauthorized("Instances get their tokens by the plain door of their machine.", hint=_AT_START)
    scheme, _, key = (authorization or "").partition(" ")
    name = here.instance_keys.name_in(key.strip()) if scheme.lower() == "bearer" else None
    with here.store.reading() as tx:
        found = [each for each in tx.list(Kind.DEPLOYMENT) if name is not None and each.uid == name.deployment_uid]
        endpoint = tx.find(Kind.ENDPOINT, found[0].parent_id) if found else None
        if name is None or endpoint is None:
            raise Unauthorized("This is not the key of an instance.", hint=_AT_START)
        identity = Identities(tx).identity(endpoint)
    if not here.instances.looks:
        raise ServerStarting
    if not here.instances.knows(name.deployment_uid, name.id):
        raise Unauthorized("The instance whose key this is has gone.", hint=_AT_START)
    return endpoint, identity


@router.post("/identity/token")
async def identity_token(
    body: IdentityTokenBody,
    here: Here,
    asking: Annotated[tuple[EndpointRecord, EndpointIdentity], Depends(instance_endpoint)],
) -> JSONResponse:
    """A token of the identity of the instance's endpoint. It holds no thread while another authority is asked."""
    resource = body.resource.removesuffix("/.default").rstrip("/")
    if not _RESOURCE.fullmatch(resource):
        raise BadArgument("resource is no name of whom a token could be for.", target="resource")
    endpoint, identity = asking
    principal = identity.principal
    if principal is None:
        raise IdentityMissing(f"The endpoint {endpoint.name} has no identity.", target=endpoint.id)
    if body.client_id and body.client_id.lower() not in (principal.client_id, principal.object_id):
        raise IdentityMissing(f"The endpoint {endpoint.name} has no identity with the client id {body.client_id[:64]}.")
    return JSONResponse(await _token(here, identity, principal, resource))


async def _token(here: Context, identity: EndpointIdentity, principal: Principal, resource: str) -> dict[str, Any]:
    application = identity.application
    if application is None or here.access.is_own_audience(resource):
        token = await to_thread.run_sync(here.access.identity_token, principal, resource)
        return _shown(token.text, token.issued_at, token.expires_at, resource, principal.client_id)
    now = int(here.clock.now().timestamp())
    assertion = await to_thread.run_sync(here.access.assertion, principal, ASSERTION_AUDIENCE)
    foreign = await here.authorities.exchange(principal.object_id, application, assertion, resource)
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
