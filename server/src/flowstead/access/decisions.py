"""Who may do what: the one place that says so. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from flowstead.resources.principal import Principal
from flowstead.resources.role import RoleGrant


def allowed(principal: Principal, action: str, scope: str) -> bool:
    """May this principal do this to that resource?

    action: Azure's name of it, such as `Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write`;
    scope: the ARM id of the resource, or a path below it."""
    return granted(principal.grants, action, scope)


def granted(grants: Iterable[RoleGrant], action: str, scope: str) -> bool:
    """Whether one of the roles gives that action on that scope."""
    return any(each.covers(scope) and each.role.allows(action) for each in grants)


def granted_data(grants: Iterable[RoleGrant], action: str, scope: str) -> bool:
    """As `granted`, of an action on what is in a resource."""
    return any(each.covers(scope) and each.role.allows_data(action) for each in grants)
