"""Scopes: what roles are granted on."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Request

from flowstead.api.context import Context
from flowstead.api.paths import canonical
from flowstead.errors import BadArgument, ResourceNotFound
from flowstead.resources.role import is_within, scopes_above
from flowstead.store import Reading

_SEGMENT = re.compile(r"[\w.():@ -]{1,260}", re.ASCII)
_DOTS = {".", ".."}


def _below(request: Request) -> str:
    below: str = request.path_params.get("below", "")
    return below


Below = Annotated[str, Depends(_below)]
"""What follows `/subscriptions/` in the path up to the provider, "" at the root. Never from the query: what the caller
may do was asked of the path."""


def scope_named(below: str, here: Context) -> str:
    """The scope that a path names. below: what follows `/subscriptions/` in it, "" for everything. Raises
    BadArgument."""
    return checked_scope(f"/subscriptions/{below}" if below else "/", here)


def checked_scope(path: str, here: Context) -> str:
    """An ARM id in its exact casing, "/" for everything. Raises BadArgument."""
    segments = path.split("/")[1:]
    well_formed = all(_SEGMENT.fullmatch(each) and each not in _DOTS for each in segments)
    if path != "/" and not (well_formed and scopes_above(path)[0] == path and segments[0].lower() == "subscriptions"):
        raise BadArgument(
            f"{path[:200]!r} is no scope.",
            hint="A scope is /, a subscription, a resource group, or a resource's id.",
            target="scope",
        )
    return canonical(path, here.workspace)


def demand_scope(scope: str, here: Context, tx: Reading) -> None:
    """Raises ResourceNotFound for what should be in this workspace and is not. Others' resources are taken on trust: a
    connection may lead to them."""
    workspace = here.workspace
    beside = (workspace.identity("").lower(), workspace.autoscale_setting("").lower())
    below_ours = is_within(scope, workspace.path) or scope.lower().startswith(beside)
    if not below_ours or scope == workspace.path:
        return
    if not tx.exists(scope):
        raise ResourceNotFound(f"There is no resource {scope}.", hint="Grant the role on what exists.", target=scope)
