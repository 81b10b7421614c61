"""Role definitions: Azure's built-in ones, and custom ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from flowstead.api.arm import page
from flowstead.api.context import Here, Needs, demand
from flowstead.api.odata_filter import conditions
from flowstead.api.role_bodies import RoleBody, guid_in, show_role, to_role
from flowstead.api.scopes import Below, checked_scope, demand_scope, scope_named
from flowstead.errors import BadArgument, ResourceConflict, ResourceNotFound, RoleInUse
from flowstead.resources.built_in_roles import BUILT_IN
from flowstead.resources.principal import Principal
from flowstead.resources.role import AUTHORIZATION, RoleSpec, is_within
from flowstead.store import Reading
from flowstead.store.records import Kind

_ROOT = f"/providers/{AUTHORIZATION}/roleDefinitions"
_SCOPED = f"/subscriptions/{{below:path}}{_ROOT}"
_FILTERS = frozenset({"rolename", "type", "atscopeandbelow", "atscope"})
_WRITE = f"{AUTHORIZATION}/roleDefinitions/write"
router = APIRouter(tags=["roles"])
Reader = Depends(Needs("roleDefinitions/read", AUTHORIZATION))
Filter = Annotated[str | None, Query(alias="$filter")]


@router.get(_ROOT, dependencies=[Reader], name="list_role_definitions_at_root")
@router.get(_SCOPED, dependencies=[Reader])
def list_role_definitions(request: Request, here: Here, below: Below, filter: Filter = None) -> dict[str, Any]:
    """Those that can be granted at the scope. `$filter`: roleName eq '…', type eq 'CustomRole'."""
    at, wanted = scope_named(below, here), conditions(filter, _FILTERS)
    with here.store.reading() as tx:
        roles = {**BUILT_IN, **custom_roles(tx)}
    found = [each for each in roles.items() if _fits(*each, at, wanted)]
    return page(request, found, lambda each: show_role(*each, here.workspace))


@router.get(f"{_ROOT}/{{role}}", dependencies=[Reader], name="get_role_definition_at_root")
@router.get(f"{_SCOPED}/{{role}}", dependencies=[Reader])
def get_role_definition(role: str, here: Here, below: Below) -> JSONResponse:
    scope_named(below, here)
    with here.store.reading() as tx:
        spec = tx.principals.role(role.lower())
    if spec is None:
        raise ResourceNotFound(f"There is no role {role}.", target=role)
    return JSONResponse(show_role(role.lower(), spec, here.workspace))


@router.put(f"{_SCOPED}/{{role}}", status_code=201)
def put_role_definition(
    below: Below,
    role: str,
    body: RoleBody,
    here: Here,
    caller: Annotated[Principal, Depends(Needs("roleDefinitions/write", AUTHORIZATION))],
) -> JSONResponse:
    """Create a custom role, or change it. The caller must be allowed to on all of its assignable scopes, those from
    before among them; it stays assignable where it is granted."""
    guid = guid_in(role, "roleDefinitionId")
    if guid in BUILT_IN:
        raise BadArgument(f"{BUILT_IN[guid].role_name} is a built-in role and stays as it is.", target="name")
    spec = to_role(body)
    scope_named(below, here)
    with here.store.transaction() as tx:
        known = custom_roles(tx)
        for each in (*spec.assignable_scopes, *(known[guid].assignable_scopes if guid in known else ())):
            demand_scope(checked_scope(each, here), here, tx)
            demand(caller, _WRITE, each, here)
        _demand_new_name(guid, spec, known)
        _demand_no_grant_outside(tx, guid, spec)
        id, parent = here.workspace.role_definition(guid), here.workspace.subscription_path
        tx.put(Kind.ROLE_DEFINITION, id, parent, guid, spec, by=caller.name, operation=None)
    return JSONResponse(show_role(guid, spec, here.workspace), status_code=200 if guid in known else 201)


@router.delete(f"{_SCOPED}/{{role}}")
def delete_role_definition(
    below: Below,
    role: str,
    here: Here,
    caller: Annotated[Principal, Depends(Needs("roleDefinitions/delete", AUTHORIZATION))],
) -> Response:
    """Delete a custom role, which nobody may have any more. 204 when there is none."""
    scope_named(below, here)
    guid = role.lower()
    if guid in BUILT_IN:
        raise BadArgument(f"{BUILT_IN[guid].role_name} is a built-in role and stays.", target="name")
    with here.store.transaction() as tx:
        record = tx.find(Kind.ROLE_DEFINITION, here.workspace.role_definition(guid))
        if record is None:
            return Response(status_code=204)
        for each in record.spec.assignable_scopes:
            demand(caller, f"{AUTHORIZATION}/roleDefinitions/delete", each, here)
        holders = [each for each in tx.list(Kind.ROLE_ASSIGNMENT) if each.spec.role == guid]
        if holders:
            raise RoleInUse(f"The role {record.spec.role_name} is granted {len(holders)} times.", target=record.id)
        tx.remove(record.id, caller.name)
    return JSONResponse(show_role(guid, record.spec, here.workspace))


def custom_roles(tx: Reading) -> dict[str, RoleSpec]:
    """By guid."""
    return {each.name: each.spec for each in tx.list(Kind.ROLE_DEFINITION)}


def assignable(spec: RoleSpec, scope: str) -> bool:
    """Whether the role may be granted there."""
    return any(is_within(scope, each) for each in spec.assignable_scopes)


def _fits(guid: str, spec: RoleSpec, scope: str, wanted: Mapping[str, str]) -> bool:
    name, kind = wanted.get("rolename"), wanted.get("type", "").lower()
    is_of_kind = not kind or kind == ("builtinrole" if guid in BUILT_IN else "customrole")
    here_or_below: Iterable[str] = spec.assignable_scopes if "atscopeandbelow" in wanted else ()
    is_there = assignable(spec, scope) or any(is_within(each, scope) for each in here_or_below)
    return is_there and is_of_kind and (name is None or name.lower() == spec.role_name.lower())


def _demand_no_grant_outside(tx: Reading, guid: str, spec: RoleSpec) -> None:
    """Else whoever may change the role on what is left of its scopes would change what it allows on others."""
    granted = {each.parent_id for each in tx.list(Kind.ROLE_ASSIGNMENT) if each.spec.role == guid}
    outside = sorted(scope for scope in granted if not assignable(spec, scope))
    if outside:
        raise RoleInUse(
            f"The role {spec.role_name} is granted on {outside[0]}, which is none of its assignable scopes any more.",
            target="properties.assignableScopes",
        )


def _demand_new_name(guid: str, spec: RoleSpec, known: Mapping[str, RoleSpec]) -> None:
    taken = {each.role_name.lower() for other, each in {**BUILT_IN, **known}.items() if other != guid}
    if spec.role_name.lower() in taken:
        raise ResourceConflict(
            f"There is a role {spec.role_name!r} already.", hint="Choose another name.", target="properties.roleName"
        )
