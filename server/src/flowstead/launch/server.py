"""The server process, put together: store, access, engine, environments, gateway, reconciler, API."""

from __future__ import annotations

import logging
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from random import SystemRandom
from types import FrameType

import httpx
import uvicorn
from fastapi import FastAPI

from flowstead.access import Access
from flowstead.api.application import create_app
from flowstead.api.daily_collection import DailyCollection
from flowstead.api.quota import fitting
from flowstead.confine.abilities import demand_abilities
from flowstead.containers.command import name_of_home
from flowstead.containers.host import ContainerEngine, look
from flowstead.engines.instance_board import InstanceBoard
from flowstead.engines.local import LocalEngine
from flowstead.engines.local.leftovers import remove_leftovers, remove_lost_folders
from flowstead.environments.engine_build import Images
from flowstead.environments.interpreters import Interpreters
from flowstead.environments.uv_environments import UvEnvironments
from flowstead.errors import StartFailed
from flowstead.flow_tests.instances import FlowTests
from flowstead.gateway.process import EnvoyGateway
from flowstead.launch.addresses import write_settings
from flowstead.launch.certificate import certified
from flowstead.launch.door import announcing, check_door, door_of
from flowstead.launch.issuer import trusted
from flowstead.launch.lock import Holder, HomeLock
from flowstead.launch.looking import looked_at
from flowstead.launch.sampling import EVERY_S, count, look_at_throttling, sample, sample_for_rules
from flowstead.launch.server_log import LOOK_AT_ERRORS_S, bound_errors, configure_log, errors_file
from flowstead.limits.host import Means, enforcement_here, sweep
from flowstead.observe.in_flight import InFlight
from flowstead.observe.latency import Latencies
from flowstead.observe.requests import Requests
from flowstead.observe.rule_meters import RuleMeters
from flowstead.observe.throttling import Throttling
from flowstead.observe.utilization import Utilization
from flowstead.reconcile.autoscaler import Autoscaler
from flowstead.reconcile.hint import Hint
from flowstead.reconcile.loop import Reconciler
from flowstead.reconcile.scaler import Scaler
from flowstead.resources.autoscale import GRAIN_S
from flowstead.resources.clock import SystemClock
from flowstead.resources.home import Home
from flowstead.resources.master_key import GivenVariables
from flowstead.resources.settings import ServerSettings
from flowstead.store import Store
from flowstead.store.keys import key_source

logger = logging.getLogger("flowstead")

_READY_WITHIN_S = 60.0
"""How long the API may take to answer through the gateway after the start, seconds."""
_CLOSE_WITHIN_S = 10
"""How long requests that are being answered may take when the server ends, seconds."""

_LOOK_EVERY_S = 1.0
"""How often the instances are looked at in which flows are tried out, seconds."""
_REFRESH_S = 3600.0
_COLLECTION_LOOK_S = 60.0
"""How often it is asked whether it is time to remove what nothing uses, seconds."""
_TESTS_END_WITHIN_S = 3.0
"""How long the server waits for them when it ends, seconds; who takes longer goes at the next start."""


@dataclass
class Signals:
    """The signals that came while the server ran and while it was ended, in their order. SIGTERM ends the server alone,
    and so does SIGHUP, for a terminal that was closed; SIGINT, at a terminal, everything."""

    received: list[int] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        return signal.SIGINT in self.received

    @property
    def hurried(self) -> bool:
        """Somebody has lost patience: whatever the second one was."""
        return len(self.received) > 1

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """uvicorn takes SIGINT and SIGTERM while it runs, and hands them to these handlers when it has ended."""
        before = {number: signal.signal(number, self._record) for number in (signal.SIGINT, signal.SIGTERM)}
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # else it is nohup's
            before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._record)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _record(self, number: int, _frame: FrameType | None) -> None:
        self.received.append(number)
        if number == signal.SIGHUP:
            signal.raise_signal(signal.SIGTERM)  # which uvicorn knows


class _Server(uvicorn.Server):
    """before_shutdown: ends what would never end by itself, or uvicorn waits for it in vain."""

    def __init__(self, config: uvicorn.Config, *, before_shutdown: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_shutdown = before_shutdown

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._before_shutdown()
        await super().shutdown(sockets)


def run_server(
    home: Home,
    settings: ServerSettings,
    lock: HomeLock,
    *,
    given: GivenVariables,
    signals: Signals,
    terminal: bool,
    on_ready: Callable[[], None],
) -> None:
    """Run until a signal comes; the gateway and the instances go on. given: what the environment says of the master
    key. signals: which are being recorded. on_ready: called once, from another thread, when the API answers through the
    gateway.

    Raises HostProblem of any kind when it cannot start."""
    _leave_no_core_dumps()
    home.create()
    home.refresh()
    configure_log(home, terminal=terminal)
    lock.name(Holder(os.getpid(), settings.base_url("http"), time.time()))
    gateway = EnvoyGateway(home, door_of(home, settings))
    check_door(home, settings)
    write_settings(home, settings)
    _tell_isolation(demanded=settings.demand_isolation)
    _tell_limits(home)
    with ExitStack() as stack:
        store = stack.enter_context(_store(home, given))
        app, reconciler, hint = _compose(store, home, settings, gateway, stack)
        listener = stack.enter_context(_api_listener(home))
        stack.enter_context(certified(home, settings, gateway, SystemClock()))
        gateway.ensure_running()
        stack.enter_context(looked_at("the run directory", home.refresh, every_s=_REFRESH_S))
        daily = DailyCollection(app.state.context, SystemRandom())
        stack.enter_context(looked_at("what nothing uses", daily.look, every_s=_COLLECTION_LOOK_S))
        server = _Server(_uvicorn_config(app), before_shutdown=app.state.context.end_streams)
        if not terminal:
            bound = partial(bound_errors, errors_file(home))
            stack.enter_context(looked_at("what it says besides its log", bound, every_s=LOOK_AT_ERRORS_S))
        stack.enter_context(_reconciling(reconciler, hint))
        failures: list[Exception] = []
        watching = (settings, server, signals, on_ready, failures)
        threading.Thread(target=_watch_start, args=watching, daemon=True).start()
        urls = (settings.base_url("http"), settings.base_url("https"))
        logger.info("Serving %s and %s (home %s, process %d).", *urls, home.root, os.getpid())
        server.run(sockets=[listener])
        if failures:
            raise failures[0]
        logger.info("The server ends; the gateway and the instances go on.")


def _leave_no_core_dumps() -> None:
    """Neither of this process nor of any that it starts: their memory holds keys and tokens."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def _tell_isolation(*, demanded: bool) -> None:
    """Raises IsolationMissing."""
    able = demand_abilities(demanded=demanded)
    level = logging.INFO if able.whole else logging.WARNING
    logger.log(level, "Isolation of flows and of builds: %s.", able.words)


def _tell_limits(home: Home) -> None:
    enforcement = enforcement_here()
    level = logging.WARNING if enforcement.means is Means.NONE else logging.INFO
    why_not = f" ({enforcement.why_not})" if enforcement.why_not else ""
    logger.log(level, "Instances are held to their sizes by: %s%s.", enforcement.means, why_not)
    left = sum(sweep(enforcement, runs) for runs in (home.instances_run, home.tests_run))
    if left:
        logger.info("%d control groups of instances that are gone were removed.", left)


def _compose(
    store: Store, home: Home, settings: ServerSettings, gateway: EnvoyGateway, stack: ExitStack
) -> tuple[FastAPI, Reconciler, Hint]:
    clock, hint = SystemClock(), Hint()
    access = Access.open(
        home, principals=store.principals, settings=settings, clock=clock, announce=announcing(gateway)
    )
    interpreters = Interpreters.of_this_machine(home.package_cache)
    engine = _container_engine(settings)
    if engine is not None:
        remove_leftovers(engine, home)
    remove_lost_folders(home)
    images = Images(engine, name_of_home(home.root), home.models) if engine else None
    environments = UvEnvironments(home, interpreters=interpreters, images=images)
    stack.callback(environments.close)
    stack.enter_context(trusted(access, store))
    board = InstanceBoard()
    flow_tests = FlowTests(
        engine=LocalEngine(home, run=home.tests_run),
        environments=environments,
        home=home,
        clock=clock,
        salt=store.lasting_key("flow-tests"),
    )
    stack.enter_context(_looked_after(flow_tests))
    utilization = Utilization()
    use = partial(sample, store, board, utilization, home, clock)
    stack.enter_context(looked_at("what instances use", use, every_s=EVERY_S))
    in_flight = InFlight(gateway.in_flight, monotonic=clock.monotonic, random=SystemRandom())
    stack.enter_context(looked_at("how many requests are in flight", in_flight.look, every_s=lambda: in_flight.pause_s))
    requests, latencies, grain_s = Requests(), Latencies(), settings.autoscale_grain_s
    meters = RuleMeters(requests, latencies)
    if grain_s < GRAIN_S:
        meters = RuleMeters(Requests(grain_s), Latencies(grain_s), grain_s)
    soon_s = min(EVERY_S, grain_s / 2)
    counted, timed = dict.fromkeys((requests, meters.requests)), dict.fromkeys((latencies, meters.latencies))
    answered = partial(count, store, gateway, tuple(counted), tuple(timed), clock)
    stack.enter_context(looked_at("how many requests were answered", answered, every_s=soon_s))
    use_for_rules = partial(sample_for_rules, store, board, meters.utilization, home, clock)
    stack.enter_context(looked_at("what autoscale rules ask for", use_for_rules, every_s=soon_s))
    throttling = Throttling()
    waited = partial(look_at_throttling, board, throttling, clock)
    stack.enter_context(looked_at("how often instances wait for their cores", waited, every_s=EVERY_S))
    app = create_app(
        store=store,
        access=access,
        hint=hint.set,
        home=home,
        settings=settings,
        clock=clock,
        flow_tests=flow_tests,
        environments_on_disk=environments,
        instances=board,
        interpreters=interpreters,
        utilization=utilization,
        requests=requests,
        latencies=latencies,
        throttling=throttling,
        has_container_engine=engine is not None,
    )
    reconciler = Reconciler(
        store=store,
        engine=LocalEngine(home, containers=engine),
        environments=environments,
        gateway=gateway,
        home=home,
        clock=clock,
        hint=hint,
        board=board,
        scaler=Scaler(
            store=store,
            in_flight=in_flight.mean,
            fitting=partial(fitting, quota_cores=settings.quota_cores),
            clock=clock,
            scale_in_after_s=settings.scale_in_after_s,
            autoscaler=Autoscaler(store=store, spans=meters.spans, clock=clock, slot_s=meters.slot_s),
        ),
        external_issuer=settings.oidc_issuer,
        identity_url=f"{settings.door_url('http')}/identity/token",
        max_request_bytes=settings.max_request_bytes,
    )
    return app, reconciler, hint


def _container_engine(settings: ServerSettings) -> ContainerEngine | None:
    """Deployments from images of their own are refused without one."""
    found = look(settings.container_engine)
    if found.why:
        logger.warning("Container engine: %s.", found.why)
    else:
        logger.info("Container engine: %s.", found.engine.words if found.engine else "none")
    return found.engine


@contextmanager
def _store(home: Home, given: GivenVariables) -> Iterator[Store]:
    store = Store.open(home, clock=SystemClock(), master_key=key_source(home, given))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _reconciling(reconciler: Reconciler, hint: Hint) -> Iterator[None]:
    """The reconciler at work in a thread of its own."""
    stop = threading.Event()
    thread = threading.Thread(target=reconciler.run, args=(stop,), name="reconciler")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        hint.set()
        thread.join()


@contextmanager
def _looked_after(flow_tests: FlowTests) -> Iterator[None]:
    """Those of a server before go first, its own with it: they are told to end, and end by themselves."""
    flow_tests.stop_all()
    try:
        with looked_at("the test instances", flow_tests.look, every_s=_LOOK_EVERY_S):
            yield
    finally:
        flow_tests.stop_all()
        give_up_at = time.monotonic() + _TESTS_END_WITHIN_S
        while flow_tests.look() and time.monotonic() < give_up_at:
            time.sleep(0.02)


@contextmanager
def _api_listener(home: Home) -> Iterator[socket.socket]:
    """The API's Unix socket, for this user alone. Holding the home's lock, a file that is there is a dead server's."""
    home.api_socket.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(home.api_socket))
        home.api_socket.chmod(0o600)
        listener.listen(512)
        yield listener
    except OSError as failure:
        raise StartFailed(f"Cannot listen on {home.api_socket}: {failure.strerror}.") from failure
    finally:
        listener.close()
        home.api_socket.unlink(missing_ok=True)


def _uvicorn_config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        lifespan="off",  # nobody needs it, and at the second Ctrl-C uvicorn would leave a traceback of it
        access_log=False,  # it would log query strings; the gateway's access log leaves them out
        server_header=False,
        timeout_keep_alive=75,  # longer than the gateway's idle time, so that it never sends into a closing connection
        timeout_graceful_shutdown=_CLOSE_WITHIN_S,
    )


def _watch_start(
    settings: ServerSettings,
    server: uvicorn.Server,
    signals: Signals,
    on_ready: Callable[[], None],
    failures: list[Exception],
) -> None:
    """Call `on_ready` when the API answers through the gateway; end the server when it never does, or when a signal
    came before uvicorn listened to signals."""
    url = f"{settings.door_url('http')}/health"
    give_up_at = time.monotonic() + _READY_WITHIN_S
    with httpx.Client(timeout=2.0, trust_env=False) as client:
        while not server.should_exit:
            if signals.received:
                server.should_exit = True
                return
            with suppress(httpx.HTTPError):
                if client.get(url).is_success:
                    on_ready()
                    return
            if time.monotonic() > give_up_at:
                failures.append(StartFailed(f"The API does not answer through the gateway at {url}."))
                server.should_exit = True
                return
            time.sleep(0.03)
