"""Grants: from names of roles to role assignments, and back to what a person reads."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flowstead.cli.assignees import GUID, principal_names
from flowstead.client import FlowsteadClient
from flowstead.errors import AuthorizationFailed, BadArgument, RoleAssignmentExists
from flowstead.resources.built_in_roles import BUILT_IN

Body = dict[str, Any]


def guid_of(written: str) -> str:
    """The GUID of a role that is given by it, or by its ARM id; "" for a name."""
    last = written.rpartition("/")[2].lower()
    return last if GUID.fullmatch(last) else ""


def role_id(client: FlowsteadClient, written: str, scope: str) -> str:
    """The GUID of the role, given by name, GUID or ARM id. Raises BadArgument when none of that name can be granted
    at the scope."""
    built_in = (guid for guid, role in BUILT_IN.items() if role.role_name.lower() == written.lower())
    guid = guid_of(written) or next(built_in, "")
    if guid:
        return guid
    found = client.role_definitions.named(scope, written)
    if not found:
        raise BadArgument(
            f"No role {written!r} can be granted on {scope}.",
            hint=f"See what can be: flowstead role definition list --scope {scope}",
        )
    return str(found[0]["name"])


def grant(
    client: FlowsteadClient,
    role: str,
    scope: str,
    principal: str,
    *,
    principal_type: str = "",
    description: str = "",
    name: str = "",
) -> Body:
    """Give the role; as `az` does, a grant that is there already is as good as a new one. Returns the assignment."""
    properties = {
        "roleDefinitionId": client.session.workspace.role_definition(role),
        "principalId": principal,
        **({"principalType": principal_type} if principal_type else {}),
        **({"description": description} if description else {}),
    }
    try:
        return client.role_assignments.put(scope, name or str(uuid.uuid4()), properties)
    except RoleAssignmentExists:
        there = client.role_assignments.at(scope, principal)
        same = [each for each in there if is_at(each, scope) and guid_of(_role(each)) == role]
        if not same:
            raise
        return same[0]


def is_at(assignment: Body, scope: str) -> bool:
    """Whether it was made on that very scope."""
    return str(assignment["properties"]["scope"]).lower() == scope.lower()


def is_inherited(assignment: Body, scope: str) -> bool:
    """Whether it holds at the scope and was made above it."""
    above = str(assignment["properties"]["scope"]).rstrip("/").lower()
    return not is_at(assignment, scope) and scope.lower().startswith(above + "/")


def shown_assignments(client: FlowsteadClient, found: list[Body], scope: str) -> list[Body]:
    """As `az role assignment list` prints them, with names where the caller may know them."""
    if not found:
        return []
    people, roles = principal_names(client), _role_names(client, scope)
    return [_shown(each, people, roles) for each in found]


def _role_names(client: FlowsteadClient, scope: str) -> dict[str, str]:
    try:
        found = client.role_definitions.at(scope, "atScopeAndBelow()")
    except AuthorizationFailed:
        return {}
    return {each["name"]: each["properties"]["roleName"] for each in found}


def _shown(assignment: Body, people: Mapping[str, str], roles: Mapping[str, str]) -> Body:
    properties = assignment["properties"]
    return {
        "id": assignment["id"],
        "name": assignment["name"],
        "principalId": properties["principalId"],
        "principalName": people.get(properties["principalId"], ""),
        "principalType": properties["principalType"],
        "roleDefinitionId": properties["roleDefinitionId"],
        "roleDefinitionName": roles.get(guid_of(_role(assignment)), ""),
        "scope": properties["scope"],
        "description": properties.get("description"),
        "createdBy": properties.get("createdBy"),
        "createdOn": properties.get("createdOn"),
        "updatedBy": properties.get("updatedBy"),
        "updatedOn": properties.get("updatedOn"),
        "type": assignment["type"],
    }


def _role(assignment: Body) -> str:
    return str(assignment["properties"]["roleDefinitionId"])
