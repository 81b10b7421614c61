"""Online endpoints: create, change, show, list, delete; their keys and tokens."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import JSONResponse, Response

from flowstead.api.arm import accepted, ordered, page, put_answer, resource_answer
from flowstead.api.context import SITE, Context, Here, Needs
from flowstead.api.endpoint_bodies import EndpointBody, KeyBody, show, to_spec
from flowstead.api.endpoint_identity import give_identity, with_identities
from flowstead.api.endpoint_rules import check_body, check_first_keys, check_key, check_name, check_split
from flowstead.api.list_filters import online
from flowstead.api.merging import merge
from flowstead.api.preconditions import ForChange, ForPut
from flowstead.api.token_answers import show_token
from flowstead.errors import BadArgument
from flowstead.resources.endpoint import PRIMARY_KEY, SECONDARY_KEY, AuthMode, EndpointSpec
from flowstead.resources.operation import Operation, OperationKind
from flowstead.resources.principal import Principal
from flowstead.store import Reading, Writing
from flowstead.store.records import EndpointRecord, Kind

ENDPOINTS = SITE + "/onlineEndpoints"
_ENDPOINT = ENDPOINTS + "/{endpoint}"
_KEY_BYTES = 48
_KEYS = {"primary": PRIMARY_KEY, "secondary": SECONDARY_KEY}
router = APIRouter(tags=["endpoints"])

Reader = Depends(Needs("workspaces/onlineEndpoints/read"))
Writer = Annotated[Principal, Depends(Needs("workspaces/onlineEndpoints/write"))]


@router.get(ENDPOINTS, dependencies=[Reader])
def list_endpoints(request: Request, here: Here) -> dict[str, Any]:
    """The endpoints, by `name`, `tags`, `properties` and `computeType`."""
    with here.store.reading() as tx:
        found, identities = tx.list(Kind.ENDPOINT, here.workspace.path), _identities(tx)
    wanted = ordered(request, online(request, found))
    return page(request, wanted, lambda record: show(record, here, identities))


@router.get(_ENDPOINT, dependencies=[Reader])
def get_endpoint(endpoint: str, here: Here) -> JSONResponse:
    with here.store.reading() as tx:
        record = tx.get(Kind.ENDPOINT, here.workspace.endpoint(endpoint))
        shown = show(record, here, _identities(tx))
    return resource_answer(record, shown)


@router.put(_ENDPOINT, status_code=201)
def put_endpoint(endpoint: str, body: EndpointBody, here: Here, caller: Writer, only_if: ForPut) -> JSONResponse:
    """Create the endpoint with its two keys, or change it; a long-running operation."""
    check_name(endpoint)
    check_body(body)
    with here.store.transaction() as tx:
        before = tx.find(Kind.ENDPOINT, here.workspace.endpoint(endpoint))
        only_if.check(before, f"The endpoint {endpoint}")
        record, operation = _write(tx, here, endpoint, body, before, caller)
        shown = show(record, here, _identities(tx))
    here.hint()
    return put_answer(here, record, shown, operation, created=before is None)


@router.patch(_ENDPOINT)
def patch_endpoint(
    endpoint: str, body: Annotated[dict[str, Any], Body()], here: Here, caller: Writer, only_if: ForChange
) -> JSONResponse:
    """Change the parts that the body names (JSON merge patch); callers that meet are merged one after the other."""
    with here.store.transaction() as tx:
        before = tx.get(Kind.ENDPOINT, here.workspace.endpoint(endpoint))
        only_if.check(before, f"The endpoint {before.name}")
        merged = merge(EndpointBody, show(before, here, _identities(tx)), body)
        check_body(merged)
        record, operation = _write(tx, here, endpoint, merged, before, caller)
        shown = show(record, here, _identities(tx))
    here.hint()
    return put_answer(here, record, shown, operation, created=False)


@router.delete(_ENDPOINT, status_code=202)
def delete_endpoint(
    endpoint: str,
    here: Here,
    caller: Annotated[Principal, Depends(Needs("workspaces/onlineEndpoints/delete"))],
    only_if: ForChange,
) -> Response:
    """Delete the endpoint and its deployments; a long-running operation. 204 when there is none."""
    with here.store.transaction() as tx:
        record = tx.find(Kind.ENDPOINT, here.workspace.endpoint(endpoint))
        if record is None:
            return Response(status_code=204)
        only_if.check(record, f"The endpoint {record.name}")
        operation = tx.mark_deleting(record.id, caller.name)
    here.hint()
    return accepted(here, operation)


@router.post(_ENDPOINT + "/listKeys", dependencies=[Depends(Needs("workspaces/onlineEndpoints/listKeys/action"))])
def list_keys(endpoint: str, here: Here) -> dict[str, str]:
    """The two keys, in clear."""
    with here.store.reading() as tx:
        record = tx.get(Kind.ENDPOINT, here.workspace.endpoint(endpoint))
        _demand_mode(record, AuthMode.KEY)
        kept = tx.secrets(record.id)
    return {name: kept[name] for name in _KEYS.values()}


@router.post(_ENDPOINT + "/regenerateKeys", status_code=202)
def regenerate_keys(
    endpoint: str,
    body: KeyBody,
    here: Here,
    caller: Annotated[Principal, Depends(Needs("workspaces/onlineEndpoints/regenerateKeys/action"))],
    only_if: ForChange,
) -> Response:
    """Replace one key; a long-running operation, done when the gateway takes the new one and no longer the
    old."""
    name = _KEYS.get(body.key_type.lower())
    if name is None:
        raise BadArgument("keyType is neither Primary nor Secondary.", target="keyType")
    with here.store.transaction() as tx:
        record = tx.get(Kind.ENDPOINT, here.workspace.endpoint(endpoint))
        only_if.check(record, f"The endpoint {record.name}")
        _demand_mode(record, AuthMode.KEY)
        wanted = body.key_value
        is_new = bool(wanted) and wanted not in tx.secrets(record.id).values()
        _, operation = tx.put(
            Kind.ENDPOINT,
            record.id,
            record.parent_id,
            record.name,
            record.spec,
            by=caller.name,
            operation=OperationKind.REGENERATE_KEY,
            force=True,
        )
        tx.put_secret(record.id, name, check_key(wanted) if wanted and is_new else _new_key(), caller.name)
    if operation is None:
        raise RuntimeError("a regeneration has an operation")
    here.hint()
    return accepted(here, operation)


@router.post(_ENDPOINT + "/token")
def endpoint_token(
    endpoint: str,
    here: Here,
    caller: Annotated[Principal, Depends(Needs("workspaces/onlineEndpoints/token/action"))],
) -> dict[str, Any]:
    """A token that opens this endpoint, for the authentication mode AMLToken."""
    with here.store.reading() as tx:
        record = tx.get(Kind.ENDPOINT, here.workspace.endpoint(endpoint))
    _demand_mode(record, AuthMode.AML_TOKEN)
    return show_token(here.access.endpoint_token(caller, record.uid))


def _write(
    tx: Writing, here: Context, endpoint: str, body: EndpointBody, before: EndpointRecord | None, caller: Principal
) -> tuple[EndpointRecord, Operation | None]:
    spec = with_identities(tx, _checked_spec(tx, body, before), here, caller)
    record, operation = tx.put(
        Kind.ENDPOINT,
        before.id if before else here.workspace.endpoint(endpoint),
        here.workspace.path,
        before.name if before else endpoint,
        spec,
        by=caller.name,
        operation=OperationKind.UPDATE if before else OperationKind.CREATE,
    )
    if before is None:
        for name, key in zip(_KEYS.values(), check_first_keys(body.properties.keys), strict=True):
            tx.put_secret(record.id, name, key or _new_key(), caller.name)
    give_identity(tx, record, before, here, caller)
    return record, operation


def _identities(tx: Reading) -> Mapping[str, str]:
    """The uids of user-assigned identities, by ARM id in lower case."""
    return {each.id.lower(): each.uid for each in tx.list(Kind.IDENTITY)}


def _checked_spec(tx: Writing, body: EndpointBody, before: EndpointRecord | None) -> EndpointSpec:
    spec = to_spec(body, before.spec if before else None)
    deployments = tx.list(Kind.DEPLOYMENT, before.id) if before else ()
    return check_split(spec, [deployment.name for deployment in deployments if not deployment.deleting])


def _demand_mode(record: EndpointRecord, mode: AuthMode) -> None:
    if record.spec.auth_mode is mode:
        return
    remedy = {
        AuthMode.KEY: "Use its keys (listKeys).",
        AuthMode.AML_TOKEN: "Get a token of the endpoint (token).",
        AuthMode.AAD_TOKEN: "Use a token of your own.",
    }
    raise BadArgument(
        f"The endpoint {record.name} authenticates by {record.spec.auth_mode.value}, not by {mode.value}.",
        hint=remedy[record.spec.auth_mode],
        target="properties.authMode",
    )


def _new_key() -> str:
    """384 random bits, in characters that a Bearer token may have."""
    return secrets.token_urlsafe(_KEY_BYTES)
