"""The management API as one ASGI application."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fastapi import FastAPI
from starlette.middleware import Middleware

from flowstead.access import Access
from flowstead.access.federation import Authorities
from flowstead.access.instance_keys import INSTANCE_KEYS, InstanceKeys
from flowstead.api import (
    audit_records,
    autoscale_settings,
    blobs,
    browser_sign_in,
    capacity,
    codes,
    connection_uses,
    connections,
    data,
    datastores,
    deployment_logs,
    deployment_parts,
    deployment_power,
    deployments,
    description,
    discovery,
    endpoints,
    environment_builds,
    environments,
    events,
    failures,
    flow_checks,
    flow_files,
    flow_folders,
    flows,
    garbage_collection,
    identities,
    identity_tokens,
    issuer_keys,
    master_key,
    metrics,
    model_flows,
    models,
    notifications,
    online_deployments,
    operations,
    plan,
    portal,
    principals,
    revisions,
    role_assignments,
    role_definitions,
    signing_in,
    site,
    workspaces,
)
from flowstead.api.browser_sessions import BrowserSessions
from flowstead.api.browsers import BrowserHeaders
from flowstead.api.callers import Callers
from flowstead.api.context import Context
from flowstead.api.endpoint_identity import ensure_identities
from flowstead.api.event_feed import EventFeed
from flowstead.api.middleware import (
    Authentication,
    BodyLimit,
    CanonicalPaths,
    Failures,
    KnownHosts,
    RequestIds,
    Utf8Paths,
)
from flowstead.api.rehearsing import PlannedRoutes
from flowstead.engines.instance_board import InstanceBoard
from flowstead.environments.interpreters import Interpreters
from flowstead.environments.protocol import Environments
from flowstead.flow_tests.instances import FlowTests
from flowstead.observe.latency import Latencies
from flowstead.observe.requests import Requests
from flowstead.observe.throttling import Throttling
from flowstead.observe.utilization import Utilization
from flowstead.resources.clock import Clock
from flowstead.resources.home import Home
from flowstead.resources.names import Workspace
from flowstead.resources.settings import ServerSettings
from flowstead.store import Store
from flowstead.store.content import Contents
from flowstead.store.flow_files import FlowFiles
from flowstead.store.flow_sources import FlowSources
from flowstead.store.records import Kind
from flowstead.store.uploads import Uploads

log = logging.getLogger("flowstead.api")

ROUTERS = (
    discovery.router,
    workspaces.router,
    endpoints.router,
    deployments.router,
    deployment_parts.router,
    deployment_power.router,
    revisions.router,
    deployment_logs.router,
    online_deployments.router,
    metrics.router,
    autoscale_settings.router,
    capacity.router,
    models.router,
    data.router,
    codes.router,
    model_flows.router,
    environments.router,
    environment_builds.router,
    connections.router,
    connection_uses.router,
    flows.router,
    flow_files.router,
    flow_checks.router,
    flow_folders.router,
    datastores.router,
    operations.router,
    notifications.router,
    events.router,
    audit_records.router,
    plan.router,
    garbage_collection.router,
    master_key.router,
    issuer_keys.router,
    identities.router,
    identity_tokens.router,
    principals.router,
    site.router,
    role_definitions.router,
    role_assignments.router,
    blobs.router,
    browser_sign_in.router,
    portal.router,
    signing_in.router,  # last: its paths begin with any tenant
)


def create_app(
    *,
    store: Store,
    access: Access,
    hint: Callable[[], None],
    home: Home,
    settings: ServerSettings,
    clock: Clock,
    instances: InstanceBoard,
    environments_on_disk: Environments,
    flow_tests: FlowTests,
    interpreters: Interpreters,
    utilization: Utilization | None = None,
    requests: Requests | None = None,
    latencies: Latencies | None = None,
    throttling: Throttling | None = None,
    has_container_engine: bool = False,
) -> FastAPI:
    """The API over an open store. hint: told after each commit that gave the reconciler work. instances: where the
    reconciler posts what it sees. interpreters: what environments may start from. has_container_engine:
    images can be started.

    Cleans up what a server before left half-done, so it is made once per home and before any request."""
    workspace = Workspace()
    uploads, contents, sources = Uploads(home.uploads), Contents(home.models), FlowFiles(home.flows)
    _clean_up(store, uploads, contents, clock)
    FlowSources(home).forget_what_is_gone()
    _sweep_flows(store, sources)
    sessions = BrowserSessions(store, access, workspace, clock)
    callers = Callers(access, sessions, settings)
    app = FastAPI(
        title="Flowstead",
        version="1",
        description="The management API, in Azure Machine Learning's shape.",
        docs_url=None,
        redoc_url=None,
        strict_content_type=False,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        middleware=[
            Middleware(BrowserHeaders, settings=settings),
            Middleware(RequestIds),
            Middleware(Failures, home=home),
            Middleware(KnownHosts, settings=settings),
            Middleware(BodyLimit),
            Middleware(Utf8Paths),
            Middleware(CanonicalPaths, workspace=workspace),
            Middleware(Authentication, callers=callers),
        ],
    )
    app.state.context = Context(
        store=store,
        access=access,
        hint=hint,
        home=home,
        settings=settings,
        clock=clock,
        workspace=workspace,
        uploads=uploads,
        contents=contents,
        base_url=settings.base_url("http"),
        flow_files=sources,
        flow_directory=flow_folders.directory_of(settings),
        flow_tests=flow_tests,
        feed=EventFeed(store),
        instances=instances,
        environments=environments_on_disk,
        interpreters=interpreters,
        instance_keys=InstanceKeys(store.lasting_key(INSTANCE_KEYS)),
        utilization=utilization or Utilization(),
        requests=requests or Requests(),
        latencies=latencies or Latencies(),
        throttling=throttling or Throttling(),
        browser_sessions=sessions,
        callers=callers,
        has_container_engine=has_container_engine,
        authorities=Authorities(allow_private=settings.allow_private_addresses),
    )
    app.state.planned_routes = PlannedRoutes(ROUTERS)
    environments.ensure_default_environment(app.state.context)
    ensure_identities(app.state.context)
    failures.install(app)
    for router in ROUTERS:
        app.include_router(router)
    description.install(app, ROUTERS)
    return app


def _clean_up(store: Store, uploads: Uploads, contents: Contents, clock: Clock) -> None:
    uploads.discard_incomplete(clock.now())
    contents.discard_incomplete()
    contents.sweep(lambda: _content_in_use(store))
    garbage_collection.conclude_interrupted(store)


def _content_in_use(store: Store) -> frozenset[str]:
    with store.reading() as tx:
        return tx.content_in_use()


def _sweep_flows(store: Store, sources: FlowFiles) -> None:
    """Scratch flows go, with the files that no flow has any more."""
    with store.transaction() as tx:
        for flow in tx.list(Kind.FLOW):
            if flow.spec.is_scratch:
                tx.remove(flow.id)
        trees = [each.spec.tree for each in tx.list(Kind.FLOW)]
        trees += [each.spec.tree for each in tx.list(Kind.FLOW_VERSION)]
    sources.sweep(trees)
