"""`--scope`: an ARM id, or a short name of what is here."""

from __future__ import annotations

from typing import Annotated

import typer

from flowstead.cli.az_command import scope_options
from flowstead.client import FlowsteadClient
from flowstead.errors import BadArgument
from flowstead.resources.names import Workspace

FORMS = (
    "subscription, resource-group, workspace, registry, storage, endpoint:NAME, connection:NAME, identity:NAME, "
    "/ for everything, or an ARM id"
)
ScopeOption = Annotated[str | None, typer.Option("--scope", help=f"One of {FORMS}.")]


def scope_id(client: FlowsteadClient, written: str) -> str:
    """The ARM id. Raises BadArgument."""
    here = client.session.workspace
    word, colon, name = written.partition(":")
    if written.startswith("/"):
        return written.rstrip("/") or "/"
    if written.lower().startswith("subscriptions/"):  # as az takes it
        return f"/{written.rstrip('/')}"
    if not colon and written.lower() in _places(here):
        return _places(here)[written.lower()]
    named = {"endpoint": here.endpoint, "connection": here.connection, "identity": here.identity}.get(word.lower())
    if named is None or not name or "/" in name:
        raise BadArgument(f"--scope {written!r}: there is no such scope.", hint=f"Write one of {FORMS}.")
    return named(name)


def given_scope(client: FlowsteadClient, written: str | None) -> str | None:
    """That of --scope, or the resource group of -g; None when the command line says neither."""
    if written is not None:
        return scope_id(client, written)
    return client.session.workspace.group_path if "resource_group" in scope_options() else None


def wanted_scope(client: FlowsteadClient, written: str | None) -> str:
    """As `given_scope`. Raises BadArgument when there is none: what a role opens is never guessed."""
    found = given_scope(client, written)
    if found is None:
        raise BadArgument("There is no scope.", hint=f"Add --scope and one of {FORMS}.")
    return found


def _places(here: Workspace) -> dict[str, str]:
    return {
        "subscription": here.subscription_path,
        "resource-group": here.group_path,
        "workspace": here.path,
        "registry": here.registry,
        "storage": here.storage,
    }
