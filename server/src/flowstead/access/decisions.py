"""Who may do what: the one place that says so."""

from __future__ import annotations

from flowstead.resources.principal import Principal


def allowed(principal: Principal, action: str, scope: str) -> bool:
    """May this principal do this to that resource?

    action: Azure's name of it, such as `Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write`;
    scope: the ARM id of the resource. The owner may all; nobody else has been given anything."""
    return principal.is_owner and bool(action) and scope.startswith("/")
