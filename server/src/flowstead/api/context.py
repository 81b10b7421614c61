"""What every route works with, and who is calling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Request

from flowstead.access import Access
from flowstead.access.decisions import allowed
from flowstead.access.federation import Authorities
from flowstead.access.instance_keys import InstanceKeys
from flowstead.api.browser_sessions import BrowserSessions
from flowstead.api.browsers import scheme_of
from flowstead.api.callers import Callers
from flowstead.api.event_feed import EventFeed
from flowstead.api.paths import is_same_workspace
from flowstead.engines.instance_board import InstanceBoard
from flowstead.environments.interpreters import Interpreters
from flowstead.environments.protocol import Environments
from flowstead.errors import AuthorizationFailed, ResourceNotFound, Unauthorized
from flowstead.flow_tests.instances import FlowTests
from flowstead.observe.latency import Latencies
from flowstead.observe.requests import Requests
from flowstead.observe.throttling import Throttling
from flowstead.observe.utilization import Utilization
from flowstead.resources.built_in_roles import least_role
from flowstead.resources.clock import Clock
from flowstead.resources.home import Home
from flowstead.resources.names import Workspace
from flowstead.resources.principal import Principal
from flowstead.resources.role import AUTHORIZATION, ML, grant_command, scopes_above
from flowstead.resources.settings import ServerSettings
from flowstead.store import Store
from flowstead.store.content import Contents
from flowstead.store.flow_directory import FlowDirectory
from flowstead.store.flow_files import FlowFiles
from flowstead.store.uploads import Uploads

PROVIDER = ML
SITE = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{PROVIDER}/workspaces/{{workspace}}"
"""What the paths of a workspace's resources begin with."""


@dataclass(frozen=True)
class Context:
    """hint: called after each commit that gave the reconciler work. base_url: what URLs that we hand out begin with, no
    trailing slash; it depends on the door through which the request came. feed: wakes those who follow the events.
    interpreters: what environments may start from. flow_directory: None where none was named.
    has_container_engine: images can be started."""

    store: Store
    access: Access
    hint: Callable[[], None]
    home: Home
    settings: ServerSettings
    clock: Clock
    workspace: Workspace
    uploads: Uploads
    contents: Contents
    flow_files: FlowFiles
    flow_directory: FlowDirectory | None
    flow_tests: FlowTests
    base_url: str
    feed: EventFeed
    instances: InstanceBoard
    environments: Environments
    interpreters: Interpreters
    instance_keys: InstanceKeys
    authorities: Authorities
    browser_sessions: BrowserSessions
    callers: Callers
    utilization: Utilization
    requests: Requests
    latencies: Latencies
    throttling: Throttling
    has_container_engine: bool = False

    @property
    def upload_key(self) -> bytes:
        """Signs upload signatures; those that were handed out end when the master key is replaced."""
        return self.store.passing_key("upload-signatures")

    def end_streams(self) -> None:
        """The server ends: answers that would go on for as long as somebody listens end now."""
        self.feed.close()
        self.flow_tests.close()


def context_of(request: Request) -> Context:
    """The base URL comes from the settings: the caller's Host header says nothing here."""
    context: Context = request.app.state.context
    return replace(context, base_url=context.settings.base_url(door_scheme(request)))


def door_scheme(request: Request) -> str:
    """http or https: the door through which the request came."""
    return scheme_of(request.headers)


Here = Annotated[Context, Depends(context_of)]


class Needs:
    """A dependency: the caller, whom `middleware.Authentication` recognised, and who may do `action` to what the path
    names.

    action: below the provider, `workspaces/onlineEndpoints/write`. Raises AuthorizationFailed, and ResourceNotFound
    for a workspace that is not there."""

    def __init__(self, action: str, provider: str = PROVIDER) -> None:
        self.action = f"{provider}/{action}"

    def __call__(self, request: Request) -> Principal:
        context = context_of(request)
        principal: Principal | None = getattr(request.state, "principal", None)
        if principal is None:
            raise Unauthorized  # a route outside of what the middleware guards: closed, not open
        demand(principal, self.action, request.scope["path"], context)
        _check_workspace(request, context.workspace)
        return principal


def demand(principal: Principal, action: str, scope: str, here: Context) -> None:
    """Raises AuthorizationFailed, with the grant that it takes, unless the principal may do that."""
    if allowed(principal, action, scope):
        return
    command = grant_command(least_role(action), _grantable(scope, here), principal.object_id)
    if principal.issuer:  # nothing here says of what type he is
        command += f" --assignee-principal-type {principal.type.in_assignments}"
    resource = scopes_above(scope)[0]  # of a path to what can be done with one, or to a list
    raise AuthorizationFailed(
        f"{principal.name} (object id {principal.object_id}) may not perform {action} on {resource}.",
        hint=f"Ask an owner to grant a role that allows it, for example: {command}",
        target=resource,
    )


def _grantable(scope: str, here: Context) -> str:
    """The innermost scope around it on which a role can be granted: what shall be created is not there yet."""
    workspace = here.workspace
    site = (workspace.path, workspace.registry, workspace.storage, workspace.group_path, workspace.subscription_path)
    with here.store.reading() as tx:
        for each in scopes_above(scope):
            if each in site or (f"/{AUTHORIZATION}/" not in each and tx.exists(each)):
                return each
    return "/"


def _check_workspace(request: Request, workspace: Workspace) -> None:
    named = request.path_params
    given = (
        named.get("subscription", workspace.subscription),
        named.get("group", workspace.resource_group),
        named.get("workspace", workspace.name),
    )
    if not is_same_workspace(*given, workspace):
        kind, count = ("workspace", 3) if "workspace" in named else ("resource group", 2)
        kind, count = (kind, count) if "group" in named else ("subscription", 1)
        raise ResourceNotFound(
            f"There is no {kind} {'/'.join(given[:count])}.",
            hint=f"This server has one: {workspace.subscription}/{workspace.resource_group}/{workspace.name}.",
        )
