"""User-assigned identities, and the principals that identities are."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from flowstead.api.arm import envelope, page
from flowstead.api.bodies import Body as Model
from flowstead.api.bodies import TextMap
from flowstead.api.context import Context, Here, Needs, demand
from flowstead.api.merging import merge
from flowstead.errors import BadArgument, InvalidName
from flowstead.resources.clock import iso
from flowstead.resources.identity import Application, IdentitySpec, client_id_of, principal_id_of
from flowstead.resources.names import LOCATION
from flowstead.resources.principal import Principal, PrincipalType
from flowstead.store import Writing
from flowstead.store.records import AnyRecord, IdentityRecord, Kind

PROVIDER = "Microsoft.ManagedIdentity"
_TYPE = "userAssignedIdentities"
_GROUP = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{PROVIDER}/{_TYPE}"
_IDENTITY = f"{_GROUP}/{{identity}}"
_NAME = re.compile(r"[A-Za-z0-9][\w-]{2,127}", re.ASCII)
router = APIRouter(tags=["identities"])
Reader = Depends(Needs(f"{_TYPE}/read", PROVIDER))
Writer = Annotated[Principal, Depends(Needs(f"{_TYPE}/write", PROVIDER))]


class ApplicationBody(Model):
    """An application of another tenant that trusts this server's issuer for the identity (a federated credential)."""

    authority: Annotated[str, Field(max_length=500)]
    tenant_id: Annotated[str, Field(pattern=r"^[\w.-]{1,100}$")]
    client_id: Annotated[str, Field(pattern=r"^[\w.-]{1,100}$")]


class IdentityProperties(Model):
    application: ApplicationBody | None = None


class IdentityBody(Model):
    location: str | None = None
    tags: TextMap = Field(default_factory=dict)
    properties: IdentityProperties = Field(default_factory=IdentityProperties)


@router.get(_GROUP, dependencies=[Reader])
def list_identities(request: Request, here: Here) -> dict[str, Any]:
    return _page(request, here)


@router.get(f"/subscriptions/{{subscription}}/providers/{PROVIDER}/{_TYPE}", dependencies=[Reader])
def list_identities_of_subscription(request: Request, here: Here) -> dict[str, Any]:
    return _page(request, here)


@router.get(_IDENTITY, dependencies=[Reader])
def get_identity(identity: str, here: Here) -> JSONResponse:
    with here.store.reading() as tx:
        record = tx.get(Kind.IDENTITY, here.workspace.identity(identity))
    return JSONResponse(show(record, here))


@router.put(_IDENTITY, status_code=201)
def put_identity(identity: str, body: IdentityBody, here: Here, caller: Writer) -> JSONResponse:
    """Create the identity with a principal of its own, or change it. It may nothing until it is granted a role. An
    application that the body does not name stays: Azure's own clients know nothing of it."""
    if not _NAME.fullmatch(identity):
        raise InvalidName(
            f"The identity name {identity!r} is not allowed.",
            hint="Begin with a letter or digit; use 3 to 128 letters, digits, dashes and underscores.",
            target="name",
        )
    return _put(identity, body, here, caller, keep="application" not in body.properties.model_fields_set)


@router.patch(_IDENTITY)
def patch_identity(identity: str, body: Annotated[dict[str, Any], Body()], here: Here, caller: Writer) -> JSONResponse:
    """Change the parts that the body names (JSON merge patch)."""
    with here.store.reading() as tx:
        record = tx.get(Kind.IDENTITY, here.workspace.identity(identity))
    return _put(record.name, merge(IdentityBody, show(record, here), body), here, caller, keep=False)


@router.delete(_IDENTITY)
def delete_identity(
    identity: str, here: Here, caller: Annotated[Principal, Depends(Needs(f"{_TYPE}/delete", PROVIDER))]
) -> Response:
    """Delete the identity and its role assignments. Endpoints that have it keep its id and can nothing by it,
    nor by one that is made under its name later, until somebody who may assign that one writes them again."""
    with here.store.transaction() as tx:
        record = tx.find(Kind.IDENTITY, here.workspace.identity(identity))
        if record is None:
            return Response(status_code=204)
        tx.remove(record.id, caller.name)
    here.hint()
    return Response(status_code=200)


def show(record: IdentityRecord, here: Context) -> dict[str, Any]:
    spec = record.spec
    properties: dict[str, Any] = {
        "tenantId": here.access.tenant_id,
        "principalId": principal_id_of(record.uid),
        "clientId": client_id_of(record.uid),
    }
    if spec.application is not None:
        given = spec.application
        properties["application"] = {
            "authority": given.authority,
            "tenantId": given.tenant_id,
            "clientId": given.client_id,
        }
    shown = envelope(record, _TYPE, properties, location=spec.location, tags=dict(spec.tags))
    return {**shown, "type": f"{PROVIDER}/{_TYPE}"}


def identity_named(tx: Writing, id: str) -> IdentityRecord:
    """The identity with that ARM id. Raises BadArgument when there is none."""
    record = tx.find(Kind.IDENTITY, id)
    if record is None:
        raise BadArgument(
            f"There is no identity {id}.",
            hint=f"Create it: flowstead identity create --name {id.rpartition('/')[2]}.",
            target="identity.userAssignedIdentities",
        )
    return record


def add_principal(tx: Writing, record: AnyRecord, here: Context) -> Principal:
    """The principal that an endpoint or an identity is; the same again when it is there."""
    known = tx.principals.by_object(principal_id_of(record.uid))
    if known is not None:
        return known
    principal = Principal(
        object_id=principal_id_of(record.uid),
        tenant_id=here.access.tenant_id,
        client_id=client_id_of(record.uid),
        name=record.name,
        is_owner=False,
        secret_hash="",
        created_at=iso(here.clock.now()),
        type=PrincipalType.MANAGED_IDENTITY,
        resource_id=record.id,
    )
    tx.principals.put(principal)
    return principal


def _put(identity: str, body: IdentityBody, here: Context, caller: Principal, *, keep: bool) -> JSONResponse:
    """keep: the application that it has. To change that takes more than writing the identity: whoever is trusted for it
    gets assertions in its name. Raises AuthorizationFailed."""
    id = here.workspace.identity(identity)
    with here.store.transaction() as tx:
        before = tx.find(Kind.IDENTITY, id)
        application = before.spec.application if keep and before else _application(body.properties.application)
        if application != (before.spec.application if before else None):
            demand(caller, f"{PROVIDER}/{_TYPE}/federatedIdentityCredentials/write", id, here)
        spec = IdentitySpec(body.location or LOCATION, body.tags, application)
        record, _ = tx.put(
            Kind.IDENTITY,
            before.id if before else id,
            here.workspace.group_path,
            before.name if before else identity,
            spec,
            by=caller.name,
            operation=None,
        )
        add_principal(tx, record, here)
    here.hint()
    return JSONResponse(show(record, here), status_code=200 if before else 201)


def _application(given: ApplicationBody | None) -> Application | None:
    if given is None:
        return None
    url = urlsplit(given.authority)
    if url.scheme != "https" or not url.hostname or url.query or url.fragment or url.username:
        raise BadArgument(
            "The authority is not an https URL.",
            hint="For Microsoft Entra ID it is https://login.microsoftonline.com.",
            target="properties.application.authority",
        )
    return Application(given.authority.rstrip("/"), given.tenant_id, given.client_id)


def _page(request: Request, here: Context) -> dict[str, Any]:
    with here.store.reading() as tx:
        found = tx.list(Kind.IDENTITY)
    return page(request, found, lambda record: show(record, here))
