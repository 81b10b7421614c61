"""Role definitions and assignments on the wire and in the store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from flowstead.api.bodies import Body
from flowstead.errors import BadArgument
from flowstead.resources.built_in_roles import BUILT_IN
from flowstead.resources.names import Workspace
from flowstead.resources.role import AUTHORIZATION, RoleAssignmentSpec, RoleSpec
from flowstead.store.records import RoleAssignmentRecord

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PRINCIPAL_TYPES = ("User", "Group", "ServicePrincipal", "ForeignGroup", "Device")
_TYPES = {each.lower(): each for each in PRINCIPAL_TYPES}
_ACTION = re.compile(r"[A-Za-z0-9.*/_ ()-]{1,512}")
MAX_ACTIONS = 2048

Words = Annotated[list[str], Field(max_length=MAX_ACTIONS)]


class PermissionBody(Body):
    actions: Words = Field(default_factory=list)
    not_actions: Words = Field(default_factory=list)
    data_actions: Words = Field(default_factory=list)
    not_data_actions: Words = Field(default_factory=list)


class RoleProperties(Body):
    """type: `CustomRole`, which is all that can be written."""

    role_name: Annotated[str, Field(min_length=1, max_length=512)]
    description: Annotated[str, Field(max_length=2048)] | None = None
    type: str | None = None
    role_type: str | None = None
    permissions: Annotated[list[PermissionBody], Field(min_length=1, max_length=1)]
    assignable_scopes: Annotated[list[str], Field(min_length=1, max_length=2000)]


class RoleBody(Body):
    properties: RoleProperties


class AssignmentProperties(Body):
    role_definition_id: Annotated[str, Field(max_length=1024)]
    principal_id: Annotated[str, Field(max_length=64)]
    principal_type: str | None = None
    description: Annotated[str, Field(max_length=2048)] | None = None
    condition: str | None = None


class AssignmentBody(Body):
    properties: AssignmentProperties


def to_role(body: RoleBody) -> RoleSpec:
    """Raises BadArgument."""
    given = body.properties
    kind = given.type or given.role_type or "CustomRole"
    if kind.lower() != "customrole":
        raise BadArgument(f"A role of type {kind[:40]} cannot be written.", target="properties.type")
    [permission] = given.permissions
    for field, actions in permission.model_dump(by_alias=True).items():
        for action in actions:
            if not _ACTION.fullmatch(action):
                raise BadArgument(
                    f"{action[:80]!r} is no action.",
                    hint="Actions look like Microsoft.MachineLearningServices/workspaces/read; * stands for any part.",
                    target=f"properties.permissions.{field}",
                )
    return RoleSpec(
        role_name=given.role_name,
        description=given.description or "",
        actions=tuple(permission.actions),
        not_actions=tuple(permission.not_actions),
        data_actions=tuple(permission.data_actions),
        not_data_actions=tuple(permission.not_data_actions),
        assignable_scopes=tuple(each.rstrip("/") or "/" for each in given.assignable_scopes),
    )


def to_assignment(body: AssignmentBody) -> RoleAssignmentSpec:
    """Raises BadArgument."""
    given = body.properties
    if given.condition:
        raise BadArgument(
            "Conditions on role assignments do not exist here.",
            hint="Leave it out, or grant a custom role that allows less.",
            target="properties.condition",
        )
    role = guid_in(given.role_definition_id.rpartition("/")[2], "properties.roleDefinitionId")
    kind = given.principal_type or ""
    if kind and kind.lower() not in _TYPES:
        raise BadArgument(
            f"{kind[:40]!r} is no type of principal.",
            hint=f"Use one of {', '.join(PRINCIPAL_TYPES)}.",
            target="properties.principalType",
        )
    principal = guid_in(given.principal_id, "properties.principalId")
    return RoleAssignmentSpec(role, principal, _TYPES.get(kind.lower(), ""), given.description or "")


def guid_in(text: str, target: str) -> str:
    """In lower case. Raises BadArgument."""
    if not GUID.fullmatch(text.lower()):
        raise BadArgument(f"{text[:80]!r} is not a GUID.", target=target)
    return text.lower()


def show_role(guid: str, spec: RoleSpec, workspace: Workspace) -> dict[str, Any]:
    return {
        "id": workspace.role_definition(guid),
        "name": guid,
        "type": f"{AUTHORIZATION}/roleDefinitions",
        "properties": {
            "roleName": spec.role_name,
            "type": "BuiltInRole" if guid in BUILT_IN else "CustomRole",
            "description": spec.description,
            "assignableScopes": list(spec.assignable_scopes),
            "permissions": [show_permission(spec)],
        },
    }


def show_permission(spec: RoleSpec) -> dict[str, list[str]]:
    return {
        "actions": list(spec.actions),
        "notActions": list(spec.not_actions),
        "dataActions": list(spec.data_actions),
        "notDataActions": list(spec.not_data_actions),
    }


def show_assignment(record: RoleAssignmentRecord, workspace: Workspace) -> dict[str, Any]:
    spec = record.spec
    properties: Mapping[str, Any] = {
        "scope": record.parent_id,
        "roleDefinitionId": workspace.role_definition(spec.role),
        "principalId": spec.principal_id,
        "principalType": spec.principal_type or "ServicePrincipal",
        "description": spec.description or None,
        "condition": None,
        "conditionVersion": None,
        "createdOn": record.created_at,
        "updatedOn": record.modified_at,
        "createdBy": record.created_by,
        "updatedBy": record.modified_by,
        "delegatedManagedIdentityResourceId": None,
    }
    return {
        "id": record.id,
        "name": record.name,
        "type": f"{AUTHORIZATION}/roleAssignments",
        "properties": properties,
    }
