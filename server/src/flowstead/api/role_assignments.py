"""Role assignments: who has which role on what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from flowstead.api.arm import page
from flowstead.api.context import Here, Needs
from flowstead.api.odata_filter import conditions
from flowstead.api.role_bodies import AssignmentBody, guid_in, show_assignment, to_assignment
from flowstead.api.role_definitions import assignable
from flowstead.api.scopes import Below, demand_scope, scope_named
from flowstead.errors import BadArgument, PrincipalNotFound, ResourceConflict, ResourceNotFound, RoleAssignmentExists
from flowstead.resources.built_in_roles import OWNER
from flowstead.resources.principal import Principal
from flowstead.resources.role import AUTHORIZATION, RoleAssignmentSpec, is_within
from flowstead.store import Writing
from flowstead.store.records import Kind, RoleAssignmentRecord

_ROOT = f"/providers/{AUTHORIZATION}/roleAssignments"
_SCOPED = f"/subscriptions/{{below:path}}{_ROOT}"
_FILTERS = frozenset({"principalid", "assignedto", "atscope"})
router = APIRouter(tags=["roles"])
Reader = Depends(Needs("roleAssignments/read", AUTHORIZATION))
Writer = Annotated[Principal, Depends(Needs("roleAssignments/write", AUTHORIZATION))]
Deleter = Annotated[Principal, Depends(Needs("roleAssignments/delete", AUTHORIZATION))]


@router.get(_ROOT, dependencies=[Reader], name="list_role_assignments_at_root")
@router.get(_SCOPED, dependencies=[Reader])
def list_role_assignments(
    request: Request, here: Here, below: Below, filter: Annotated[str | None, Query(alias="$filter")] = None
) -> dict[str, Any]:
    """Those that hold at the scope, inherited ones too, and those below it. `$filter`: atScope() leaves out what is
    below; principalId eq '…' and assignedTo('…') ask for one principal's."""
    at, wanted = scope_named(below, here), conditions(filter, _FILTERS)
    with here.store.reading() as tx:
        found = [each for each in tx.list(Kind.ROLE_ASSIGNMENT) if _fits(each, at, wanted)]
    return page(request, found, lambda each: show_assignment(each, here.workspace))


@router.get(f"{_ROOT}/{{assignment}}", dependencies=[Reader], name="get_role_assignment_at_root")
@router.get(f"{_SCOPED}/{{assignment}}", dependencies=[Reader])
def get_role_assignment(assignment: str, here: Here, below: Below) -> JSONResponse:
    with here.store.reading() as tx:
        record = tx.find(Kind.ROLE_ASSIGNMENT, _id(scope_named(below, here), assignment))
    if record is None:
        raise ResourceNotFound(f"There is no role assignment {assignment} at this scope.", target=assignment)
    return JSONResponse(show_assignment(record, here.workspace))


@router.put(f"{_ROOT}/{{assignment}}", status_code=201, name="put_role_assignment_at_root")
@router.put(f"{_SCOPED}/{{assignment}}", status_code=201)
def put_role_assignment(
    assignment: str, body: AssignmentBody, here: Here, caller: Writer, below: Below
) -> JSONResponse:
    """Grant a role; it holds from the next request on. 200 when the same assignment is there."""
    name, at, spec = guid_in(assignment, "roleAssignmentName"), scope_named(below, here), to_assignment(body)
    with here.store.transaction() as tx:
        demand_scope(at, here, tx)
        before = tx.find(Kind.ROLE_ASSIGNMENT, _id(at, name))
        spec = _checked(tx, spec, at)
        _demand_new(tx, spec, at, before)
        record, _ = tx.put(Kind.ROLE_ASSIGNMENT, _id(at, name), at, name, spec, by=caller.name, operation=None)
    here.hint()
    return JSONResponse(show_assignment(record, here.workspace), status_code=200 if before else 201)


@router.delete(f"{_ROOT}/{{assignment}}", name="delete_role_assignment_at_root")
@router.delete(f"{_SCOPED}/{{assignment}}")
def delete_role_assignment(assignment: str, here: Here, caller: Deleter, below: Below) -> Response:
    """Take a role away; it ends with the next request. 204 when there is no such assignment."""
    with here.store.transaction() as tx:
        record = tx.find(Kind.ROLE_ASSIGNMENT, _id(scope_named(below, here), assignment))
        if record is None:
            return Response(status_code=204)
        _demand_not_the_last_owner(tx, record)
        tx.remove(record.id, caller.name)
    here.hint()
    return JSONResponse(show_assignment(record, here.workspace))


def _fits(record: RoleAssignmentRecord, scope: str, wanted: Mapping[str, str]) -> bool:
    holds = is_within(scope, record.parent_id)
    below = "atscope" not in wanted and is_within(record.parent_id, scope)
    whose = {value.lower() for name, value in wanted.items() if name in ("principalid", "assignedto")}
    return (holds or below) and whose <= {record.spec.principal_id}


def _checked(tx: Writing, spec: RoleAssignmentSpec, scope: str) -> RoleAssignmentSpec:
    role = tx.principals.role(spec.role)
    if role is None:
        raise BadArgument(
            f"There is no role {spec.role}.",
            hint="`flowstead role definition list` shows what there is.",
            target="properties.roleDefinitionId",
        )
    if not assignable(role, scope):
        raise BadArgument(
            f"The role {role.role_name} can be granted on {', '.join(role.assignable_scopes)} and below only.",
            target="properties.roleDefinitionId",
        )
    known = tx.principals.by_object(spec.principal_id)
    # A type says that the caller knows of a principal elsewhere, as a user of an external issuer is.
    if known is None and not spec.principal_type:
        raise PrincipalNotFound(
            f"There is no principal with the object id {spec.principal_id}.", target="properties.principalId"
        )
    kind = known.type.in_assignments if known else spec.principal_type
    return RoleAssignmentSpec(spec.role, spec.principal_id, kind, spec.description)


def _demand_new(tx: Writing, spec: RoleAssignmentSpec, scope: str, before: RoleAssignmentRecord | None) -> None:
    wanted = (spec.role, spec.principal_id)
    if before is not None and (before.spec.role, before.spec.principal_id) != wanted:
        raise ResourceConflict(
            "A role assignment cannot get another role or principal.",
            hint="Delete it, and create one with a new name.",
            target=before.id,
        )
    for each in tx.list(Kind.ROLE_ASSIGNMENT, scope):
        if (each.spec.role, each.spec.principal_id) == wanted and (before is None or each.id != before.id):
            raise RoleAssignmentExists(f"The role assignment exists already: {each.name}.", target=each.id)


def _demand_not_the_last_owner(tx: Writing, record: RoleAssignmentRecord) -> None:
    if record.spec.role != OWNER or record.parent_id != "/":
        return
    if len([each for each in tx.list(Kind.ROLE_ASSIGNMENT, "/") if each.spec.role == OWNER]) == 1:
        raise ResourceConflict(
            "This is the last owner of everything: nobody could grant a role any more.",
            hint="Make somebody else Owner on / first.",
            target=record.id,
        )


def _id(scope: str, assignment: str) -> str:
    return f"{scope.rstrip('/')}{_ROOT}/{assignment}"
