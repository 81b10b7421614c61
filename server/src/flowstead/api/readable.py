"""Lists and streams over resources of all kinds show what their reader may read, and nothing else."""

from __future__ import annotations

from flowstead.access.decisions import allowed
from flowstead.resources.principal import Principal


def readable(principal: Principal, resource_id: str) -> bool:
    """May this principal read that resource? Whether it exists does not matter: what is gone has a past."""
    return allowed(principal, read_action(resource_id), resource_id)


def read_action(resource_id: str) -> str:
    """`…/workspaces/w/onlineEndpoints/e` → `Microsoft.MachineLearningServices/workspaces/onlineEndpoints/read`."""
    provider, *below = resource_id.rpartition("/providers/")[2].split("/")
    return "/".join((provider, *below[::2], "read"))
