"""The identity that an endpoint has: made with it, and what it is granted from the beginning."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from dataclasses import replace

from flowstead.api.context import Context, demand
from flowstead.api.identities import PROVIDER, add_principal, identity_named
from flowstead.errors import AuthorizationFailed
from flowstead.resources.built_in_roles import ACR_PULL, BLOB_DATA_READER, METRICS_WRITER, SECRETS_READER
from flowstead.resources.endpoint import ENFORCE_ACCESS, ENFORCED, EndpointSpec
from flowstead.resources.identity import principal_id_of
from flowstead.resources.names import Workspace
from flowstead.resources.principal import Principal
from flowstead.resources.role import AUTHORIZATION, READ_SECRETS, RoleAssignmentSpec
from flowstead.store import Writing
from flowstead.store.records import EndpointRecord, Kind


def with_identities(tx: Writing, spec: EndpointSpec, here: Context, caller: Principal) -> EndpointSpec:
    """The specification with the identities that its names stand for: they are there, and the caller may give them to
    an endpoint. Raises BadArgument and AuthorizationFailed."""
    uids: dict[str, str] = {}
    for id in spec.identity.get("userAssignedIdentities") or ():
        record = identity_named(tx, id)
        demand(caller, f"{PROVIDER}/userAssignedIdentities/assign/action", record.id, here)
        uids[id.lower()] = record.uid
    return replace(spec, identity_uids=uids)


def give_identity(
    tx: Writing, record: EndpointRecord, before: EndpointRecord | None, here: Context, caller: Principal
) -> None:
    """Make the endpoint's own identity with the roles that it has from the beginning, or take it away again: with its
    roles, and all its tokens end. It is the same when it comes again, and still blocked if it was.

    Raises AuthorizationFailed when it shall read secrets that the caller may not read himself."""
    if not _is_given(record):
        if before is not None and _is_given(before):
            _take_away(tx, principal_id_of(record.uid))
        return
    is_new = before is None or not _is_given(before)
    principal = add_principal(tx, record, here)
    wanted = list(_from_the_beginning(here.workspace)) if is_new else []
    if enforces(record.spec) and (is_new or before is None or not enforces(before.spec)):
        _demand_secrets(caller, here, record.name)
        wanted.append((SECRETS_READER, here.workspace.path))
    for role, scope in wanted:
        grant(tx, principal, role, scope, caller.name)


def ensure_identities(here: Context) -> None:
    """Endpoints of a Flowstead that knew no identities get theirs, with the access to secrets that they had."""
    with here.store.transaction() as tx:
        for record in tx.list(Kind.ENDPOINT):
            if _is_given(record) and tx.principals.by_object(principal_id_of(record.uid)) is None:
                principal = add_principal(tx, record, here)
                for role, scope in (*_from_the_beginning(here.workspace), (SECRETS_READER, here.workspace.path)):
                    grant(tx, principal, role, scope, "flowstead")


def enforces(spec: EndpointSpec) -> bool:
    return ENFORCED.get(spec.properties.get(ENFORCE_ACCESS, "").lower(), False)


def grant(tx: Writing, principal: Principal, role: str, scope: str, by: str) -> None:
    """Give the role, unless the principal has it there already."""
    spec = RoleAssignmentSpec(role, principal.object_id, principal.type.in_assignments)
    there = tx.list(Kind.ROLE_ASSIGNMENT, scope)
    if any((each.spec.role, each.spec.principal_id) == (role, principal.object_id) for each in there):
        return
    name = str(uuid.uuid4())
    id = f"{scope}/providers/{AUTHORIZATION}/roleAssignments/{name}"
    tx.put(Kind.ROLE_ASSIGNMENT, id, scope, name, spec, by=by, operation=None)


def _is_given(record: EndpointRecord) -> bool:
    return "SystemAssigned" in record.spec.identity["type"]


def _take_away(tx: Writing, object_id: str) -> None:
    """Its row stays: whoever may change an endpoint does not undo what was done to its identity."""
    principal = tx.principals.by_object(object_id)
    if principal is not None:
        tx.principals.remove(object_id)
        tx.principals.put(replace(principal, session=secrets.token_hex(8)))


def _from_the_beginning(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """What Azure gives to a system-assigned identity ("Authentication and authorization for online endpoints")."""
    yield ACR_PULL, workspace.registry
    yield BLOB_DATA_READER, workspace.storage
    yield METRICS_WRITER, workspace.path


def _demand_secrets(caller: Principal, here: Context, endpoint: str) -> None:
    try:
        demand(caller, READ_SECRETS, here.workspace.path, here)
    except AuthorizationFailed as refused:
        raise AuthorizationFailed(
            f"The endpoint {endpoint} cannot be given access to connection secrets by somebody who has none: "
            f"{refused.message}",
            hint=f"{refused.next_step} Or create the endpoint without {ENFORCE_ACCESS}, and have an owner grant its "
            "identity the role 'Azure Machine Learning Workspace Connection Secrets Reader' on the workspace.",
            target=here.workspace.path,
        ) from None
