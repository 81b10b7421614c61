"""Connections: create, change, show, list, delete; their secrets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import JSONResponse, Response

from flowstead.api.arm import ordered, page, resource_answer
from flowstead.api.connection_bodies import ConnectionBody, brought_by, credentials_in, show, to_spec, with_its_mode
from flowstead.api.context import SITE, Context, Here, Needs, demand
from flowstead.api.merging import merge
from flowstead.api.preconditions import ForChange, ForPut
from flowstead.errors import AuthorizationFailed, ResourceConflict
from flowstead.resources.connection import (
    CREDENTIAL_PREFIX,
    WITHOUT_SECRET,
    ConnectionSpec,
    auth_type_named,
    is_of_category,
    what_leads_elsewhere,
)
from flowstead.resources.connection_use import CONNECTION_SECRET_PREFIX
from flowstead.resources.names import check_asset_name
from flowstead.resources.operation import OperationKind
from flowstead.resources.principal import Principal
from flowstead.resources.role import READ_SECRETS
from flowstead.store import Reading, Writing
from flowstead.store.records import ConnectionRecord, Kind

_CONNECTIONS = SITE + "/connections"
_CONNECTION = _CONNECTIONS + "/{connection}"
router = APIRouter(tags=["connections"])

Reader = Depends(Needs("workspaces/connections/read"))
Writer = Annotated[Principal, Depends(Needs("workspaces/connections/write"))]


@router.get(_CONNECTIONS, dependencies=[Reader])
def list_connections(request: Request, here: Here, category: str | None = None) -> dict[str, Any]:
    """All of them, or those of a category; none shows a secret. `includeAll` changes nothing: there is one
    workspace."""
    with here.store.reading() as tx:
        found = tx.list(Kind.CONNECTION, here.workspace.path)
    wanted = [each for each in found if not category or is_of_category(each.spec, category)]
    return page(request, ordered(request, wanted), show)


@router.get(_CONNECTION, dependencies=[Reader])
def get_connection(connection: str, here: Here) -> JSONResponse:
    with here.store.reading() as tx:
        record = tx.get(Kind.CONNECTION, here.workspace.connection(connection))
    return resource_answer(record, show(record))


@router.put(_CONNECTION)
def put_connection(connection: str, body: ConnectionBody, here: Here, caller: Writer, only_if: ForPut) -> JSONResponse:
    """Create the connection, or change it; 200 in both cases, which is all that the SDK takes. Credentials that the
    body does not give stay as they are, for the same use: whoever leads them elsewhere brings them anew or may read
    them. The deployments that use it get it at once: new instances take the place of the
    old ones, which finish their requests."""
    check_asset_name(connection, "connection")
    with here.store.transaction() as tx:
        before = tx.find(Kind.CONNECTION, here.workspace.connection(connection))
        only_if.check(before, f"The connection {connection}")
        brought = credentials_in(body) or {}
        record, rolled = _write(tx, here, connection, body, before, caller, brought)
    if rolled:
        here.hint()
    return resource_answer(record, show(record))


@router.patch(_CONNECTION)
def patch_connection(
    connection: str, body: Annotated[dict[str, Any], Body()], here: Here, caller: Writer, only_if: ForChange
) -> JSONResponse:
    """Change the parts that the body names (JSON merge patch), for example one of several custom keys; callers that
    meet are merged one after the other. Credentials that stay are not led elsewhere, as of PUT."""
    with here.store.transaction() as tx:
        before = tx.get(Kind.CONNECTION, here.workspace.connection(connection))
        only_if.check(before, f"The connection {before.name}")
        merged = merge(ConnectionBody, show(before, tx.secrets(before.id)), body)
        record, rolled = _write(tx, here, connection, merged, before, caller, brought_by(body))
    if rolled:
        here.hint()
    return resource_answer(record, show(record))


@router.delete(_CONNECTION)
def delete_connection(
    connection: str,
    here: Here,
    caller: Annotated[Principal, Depends(Needs("workspaces/connections/delete"))],
    only_if: ForChange,
) -> Response:
    """Delete the connection, which no deployment may use. 204 when there is none."""
    with here.store.transaction() as tx:
        record = tx.find(Kind.CONNECTION, here.workspace.connection(connection))
        if record is None:
            return Response(status_code=204)
        only_if.check(record, f"The connection {record.name}")
        _demand_unused(tx, record)
        tx.remove(record.id, caller.name)
    return Response(status_code=200)


@router.post(_CONNECTION + "/listSecrets", dependencies=[Depends(Needs("workspaces/connections/listsecrets/action"))])
def list_connection_secrets(connection: str, here: Here) -> JSONResponse:
    """The connection with its credentials in clear."""
    with here.store.reading() as tx:
        record = tx.get(Kind.CONNECTION, here.workspace.connection(connection))
        secrets = tx.secrets(record.id)
    return resource_answer(record, show(record, secrets))


def _write(
    tx: Writing,
    here: Context,
    name: str,
    body: ConnectionBody,
    before: ConnectionRecord | None,
    caller: Principal,
    brought: Collection[str],
) -> tuple[ConnectionRecord, bool]:
    """The connection as it is then, and whether deployments that use it get new instances. brought: names of the
    credentials that the caller has sent."""
    body = with_its_mode(body)
    kept = _kept(tx, before)
    given_before = tx.connection_document(before) if before else ""
    wanted = _wanted(body, kept)
    spec = to_spec(body, wanted)
    if before is not None and wanted.keys() - set(brought):
        _demand_same_use(before, spec, here, caller)
    record, _ = tx.put(
        Kind.CONNECTION,
        before.id if before else here.workspace.connection(name),
        here.workspace.path,
        before.name if before else name,
        spec,
        by=caller.name,
        operation=None,
        force=wanted != kept,
    )
    _store_credentials(tx, record.id, wanted, kept, caller.name)
    is_another = tx.connection_document(record) != given_before
    return record, is_another and _roll_users(tx, record.name, caller.name)


def _demand_same_use(before: ConnectionRecord, spec: ConnectionSpec, here: Context, caller: Principal) -> None:
    """Of stored credentials that stay: whoever may not read them does not have them sent to where he can. Raises
    AuthorizationFailed."""
    changed = what_leads_elsewhere(before.spec, spec)
    if not changed:
        return
    try:
        demand(caller, READ_SECRETS, before.id, here)
    except AuthorizationFailed as refused:
        raise AuthorizationFailed(
            f"The connection {before.name} would use the credentials that are kept for it with another "
            f"{' and '.join(changed)}, and {refused.message}",
            hint=f"Give all of properties.credentials anew. {refused.next_step}",
            target=before.id,
        ) from None


def _roll_users(tx: Writing, name: str, by: str) -> bool:
    """Start a new generation of each deployment that uses the connection. Where what is wanted could not be brought
    up, and another revision serves, it is tried again: when that fails too, the operation says that what serves goes on
    with the secrets it was started with."""
    users = [each for each in tx.users_of(name) if not each.deleting]
    for each in users:
        kind = OperationKind.UPDATE
        tx.remove_secret(each.id, CONNECTION_SECRET_PREFIX + name, by)  # one that a roll-back brought back
        tx.put(Kind.DEPLOYMENT, each.id, each.parent_id, each.name, each.spec, by=by, operation=kind, force=True)
    return bool(users)


def _demand_unused(tx: Reading, record: ConnectionRecord) -> None:
    users = [
        each.id.partition("/onlineEndpoints/")[2].replace("/deployments/", "/") for each in tx.users_of(record.name)
    ]
    if users:
        raise ResourceConflict(
            f"The connection {record.name} is used by {', '.join(users)}.",
            hint="Delete these deployments first, or deploy them without it.",
            target=record.id,
        )


def _kept(tx: Reading, before: ConnectionRecord | None) -> dict[str, str]:
    if before is None:
        return {}
    return {name.removeprefix(CREDENTIAL_PREFIX): value for name, value in tx.secrets(before.id).items()}


def _wanted(body: ConnectionBody, kept: Mapping[str, str]) -> Mapping[str, str]:
    """The credentials that the connection will have."""
    given = credentials_in(body)
    if auth_type_named(body.properties.auth_type or "") in WITHOUT_SECRET:
        return {}
    return kept if given is None else given


def _store_credentials(tx: Writing, id: str, wanted: Mapping[str, str], kept: Mapping[str, str], by: str) -> None:
    for name in kept.keys() - wanted.keys():
        tx.remove_secret(id, CREDENTIAL_PREFIX + name, by)
    for name, value in sorted(wanted.items()):
        if kept.get(name) != value:
            tx.put_secret(id, CREDENTIAL_PREFIX + name, value, by)
