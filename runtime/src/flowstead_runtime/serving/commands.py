"""The two ways to run: `serve` for a person at a terminal, `host` for a supervisor that runs deployments."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowstead_runtime.connections.hiding import hide_in_output
from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.flow.includes import assembled
from flowstead_runtime.flow.running import Flow
from flowstead_runtime.serving.health import Health, HealthThread
from flowstead_runtime.serving.settings import (
    BODY_LIMIT,
    ServingSettings,
    cors_origins,
    included_fields,
    private_images,
    tells_nodes,
    warms,
)
from flowstead_runtime.serving.starting import StartFailure, explain, load_flow
from flowstead_runtime.serving.types import Application, Timers
from flowstead_runtime.telemetry import collector_import
from flowstead_runtime.telemetry.collection import CURRENT, Collection, open_collection
from flowstead_runtime.telemetry.collection_settings import given_settings
from flowstead_runtime.telemetry.settings import read_settings

if TYPE_CHECKING:
    from flowstead_runtime.serving.process import Stopping
    from flowstead_runtime.serving.worker import Worker
    from flowstead_runtime.serving.workers import Workers
    from flowstead_runtime.telemetry.telemetry import Telemetry

GRACE_S = 8.0
"""For requests in flight at the end of a process whose requests have no time-out."""

WRITE_OUT_S = 0.8
"""For collected records at the end: less than `process.LEAVE_AFTER_S`."""


def main(arguments: Sequence[str]) -> int:
    """Run a command; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "serve" and options.explain:
        return explain_only(options)
    options.arguments = arguments
    return serve(options) if options.command == "serve" else host(options)


def serve(options: argparse.Namespace) -> int:
    """One flow on one port, errors as the flow's own status codes. 1 when it cannot start."""
    from flowstead_runtime.serving.process import listen_on

    if options.worker is not None:
        return _work(options)
    try:
        listener = listen_on(options.host, options.port)
    except OSError as problem:
        print(_port_message(options.host, options.port, problem), file=sys.stderr)
        return 1
    url = f"http://{options.host}:{listener.getsockname()[1]}"
    announce = f"Serving {options.flow} at {url}/score  (Ctrl+C ends it)"
    try:
        count = _worker_count(options)
        if count > 1:
            # One exit code for all that keeps it from starting, as without workers.
            return min(1, _workers(options, count, listener, None, announce).run())
        _run(options, [listener], Health(None), announce=announce)
    except StartFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def explain_only(options: argparse.Namespace) -> int:
    """Say where the flow's connections come from. 1 when one is missing or the flow cannot be read."""
    from flowstead_runtime.serving.explaining import explain_connections

    connections = Path(options.connections) if options.connections else None
    try:
        with _flow_of(options) as flow:
            text, complete = explain_connections(flow, connections, dict(options.init or ()))
    except StartFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    print(text)
    return 0 if complete else 1


def host(options: argparse.Namespace) -> int:
    """An instance of a deployment: sockets handed down, health on a thread, failures wrapped as 424. Exit codes as
    in `exit_codes`."""
    if options.worker is not None:
        return _work(options)
    _offer_identity()
    health = Health(options.timeout)
    listener = socket.socket(fileno=options.fd)
    announce = f"Ready: {options.flow}"
    try:
        count = _worker_count(options)
        workers = _workers(options, count, listener, options.timeout, announce) if count > 1 else None
        if options.health_fd is not None:
            HealthThread(workers or health, socket.socket(fileno=options.health_fd)).start()
        if workers is not None:
            return workers.run()
        return _run(options, [listener], health, announce=announce)
    except StartFailure as failure:
        print(failure, file=sys.stderr, flush=True)
        return failure.exit_code


def _offer_identity() -> None:
    """Let the flow's code, and the workers to come, get tokens of the endpoint's identity. Before the flow is loaded:
    its code may ask at once."""
    from flowstead_runtime.identity.agent import agent_from
    from flowstead_runtime.identity.endpoint import IdentityEndpoint

    agent = agent_from(os.environ)
    if agent is None:
        return
    endpoint = IdentityEndpoint(agent)
    endpoint.start()
    endpoint.tell(os.environ)


def _worker_count(options: argparse.Namespace) -> int:
    from flowstead_runtime.serving.workers import worker_count

    try:
        return worker_count(options.workers, os.environ)
    except RuntimeFailure as problem:
        raise explain(Path(options.flow).absolute(), problem) from problem


def _workers(
    options: argparse.Namespace, count: int, listener: socket.socket, stuck_after_s: float | None, announce: str
) -> Workers:
    from flowstead_runtime.serving.workers import Workers

    return Workers(
        options.arguments,
        count,
        listener.fileno(),
        grace_s=options.grace or options.timeout or GRACE_S,
        stuck_after_s=stuck_after_s,
        on_ready=lambda: print(announce, file=sys.stderr, flush=True),
    )


def _work(options: argparse.Namespace) -> int:
    """Be one of several workers, on what the parent handed down."""
    from flowstead_runtime.serving.worker import Membership, Worker

    membership = Membership.from_text(options.worker)
    worker = Worker(membership)
    try:
        _run(options, [socket.socket(fileno=membership.listener)], worker.health(), worker=worker)
    except StartFailure as failure:
        print(failure, file=sys.stderr, flush=True)
        return failure.exit_code
    return 0


def _run(
    options: argparse.Namespace,
    sockets: Sequence[socket.socket],
    health: Health,
    *,
    announce: str = "",
    worker: Worker | None = None,
) -> int:
    """Returns the exit code."""
    from flowstead_runtime.serving.process import Stopping, configure_logging

    if options.command == "host":
        hide_in_output()  # it goes into a log
        if tells_nodes(os.environ):
            from flowstead_runtime.serving.node_output import watch_output

            watch_output()
    configure_logging()
    stopping = Stopping(health)
    stopping.install(interrupts=worker is None)
    with _flow_of(options) as flow_path:
        return _serve_flow(options, flow_path, sockets, health, stopping, announce=announce, worker=worker)


def _serve_flow(
    options: argparse.Namespace,
    flow_path: Path,
    sockets: Sequence[socket.socket],
    health: Health,
    stopping: Stopping,
    *,
    announce: str,
    worker: Worker | None,
) -> int:
    from flowstead_runtime.serving.process import Process

    connections = Path(options.connections) if options.connections else None
    init = dict(getattr(options, "init", None) or ())
    collection = _start_collection(options, flow_path)
    tells = options.command == "host" and tells_nodes(os.environ)
    telemetry = _make_node_telemetry() if tells else _make_telemetry(flow_path)
    flow = load_flow(flow_path, connections, init, hosted=options.command == "host")
    try:
        settings = _settings(options)
    except RuntimeFailure as problem:
        raise explain(flow_path, problem) from problem
    builder = _Builder(flow, settings, collection, telemetry, worker)
    is_warmed = options.command == "host" and not tells and bool(flow.definition.sample) and warms(os.environ)
    return Process(
        build=builder.build,
        close=_Closer(flow, collection).close,
        sockets=sockets,
        health=health,
        stopping=stopping,
        grace_s=options.grace or options.timeout or GRACE_S,
        warm=builder.warm if is_warmed else None,
        on_ready=worker.tell_ready if worker else lambda: print(announce, file=sys.stderr, flush=True),
        flush=telemetry.close if telemetry is not None else lambda: None,
        watch=worker.end_with_parent if worker else lambda stop: None,
        # One of several workers cannot know of the others.
        idle_s=options.idle_exit if worker is None else None,
    ).run()


@contextmanager
def _flow_of(options: argparse.Namespace) -> Iterator[Path]:
    """The flow with what its author includes from elsewhere. For a hosted one that was done before its upload."""
    path = Path(options.flow).absolute()
    with ExitStack() as stack:
        if options.command != "host":
            try:
                path = stack.enter_context(assembled(path))
            except RuntimeFailure as problem:
                raise explain(path, problem) from problem
        yield path


@dataclass(frozen=True)
class _Builder:
    flow: Flow
    settings: ServingSettings
    collection: Collection | None
    telemetry: Telemetry | None
    worker: Worker | None

    def build(self, timers: Timers) -> Application:
        from flowstead_runtime.serving.application import build_application
        from flowstead_runtime.serving.serving import Serving

        if self.telemetry is not None:
            self.telemetry.start()
        door = self.worker.door(self.settings) if self.worker is not None else None
        return build_application(Serving(self.flow, self.settings, timers, self.collection, self.telemetry, door))

    async def warm(self) -> None:
        from flowstead_runtime.serving.serving import Serving
        from flowstead_runtime.serving.warming import end_unanswered, warm

        timeout_s = self.settings.timeout_s
        alone = Serving(self.flow, self.settings, asyncio.get_running_loop())
        await warm(alone, lambda: end_unanswered(self.flow.definition.directory, timeout_s or 0.0))


@dataclass(frozen=True)
class _Closer:
    flow: Flow
    collection: Collection | None

    async def close(self) -> None:
        if self.collection is not None:
            self.collection.close(WRITE_OUT_S)
        await self.flow.close()


def _start_collection(options: argparse.Namespace, flow_path: Path) -> Collection | None:
    """Before the flow is loaded: its code makes its collectors then."""
    file = Path(options.collect).absolute() if options.collect else None
    try:
        settings = given_settings(file, os.environ)
    except RuntimeFailure as problem:
        raise explain(flow_path, problem) from problem
    collector_import.install()
    CURRENT.collection = open_collection(settings) if settings is not None else None
    return CURRENT.collection


def _make_telemetry(flow_path: Path) -> Telemetry | None:
    """Before the flow is loaded: its code asks to be traced then. Hence the flow's own environment_variables come too
    late to configure it."""
    try:
        settings = read_settings(os.environ)
    except RuntimeFailure as problem:
        raise explain(flow_path, problem) from problem
    if settings is None:
        return None
    from flowstead_runtime.telemetry.telemetry import Telemetry

    telemetry = Telemetry(settings)
    telemetry.switch_on()
    return telemetry


def _make_node_telemetry() -> Telemetry:
    """What a test tells goes to its caller, and is exported nowhere else."""
    from flowstead_runtime.telemetry.watching import NodeTelemetry

    telemetry = NodeTelemetry()
    telemetry.switch_on()
    return telemetry


def _settings(options: argparse.Namespace) -> ServingSettings:
    # Read after the flow is loaded: its own environment_variables count too.
    return ServingSettings(
        concurrency=options.concurrency,
        queue=options.queue if options.queue is not None else options.concurrency or 0,
        queue_wait_s=options.queue_wait,
        timeout_s=options.timeout,
        body_limit=options.body_limit,
        content_limit=options.content_limit or options.body_limit,
        included_fields=included_fields(os.environ),
        wrap_failures=options.command == "host",
        build_info=os.environ.get("BUILD_INFO", ""),
        private_images=private_images(os.environ),
        tells_nodes=options.command == "host" and tells_nodes(os.environ),
        cors=frozenset(options.cors or ()) or cors_origins(os.environ),
    )


def _port_message(host: str, port: int, problem: OSError) -> str:
    return (
        f"Cannot listen on {host}:{port}.\n"
        f"  cause: {problem.strerror or problem}\n"
        "  next:  end what uses the port, or name another one with --port"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flowstead_runtime", description="Run one prompt flow.")
    commands = parser.add_subparsers(dest="command", required=True)
    at_terminal = commands.add_parser("serve", help="serve a flow on a port of this machine")
    at_terminal.add_argument("flow", help="the flow's folder, or its definition file")
    at_terminal.add_argument("--host", default="127.0.0.1")
    at_terminal.add_argument("--port", type=int, default=8080)
    at_terminal.add_argument(
        "--init",
        type=_argument,
        action="extend",
        nargs="+",
        metavar="NAME=VALUE",
        help="arguments for a flex flow's class, in place of those in PF_FLOW_INIT_CONFIG",
    )
    at_terminal.add_argument(
        "--explain", action="store_true", help="say where the flow's connections come from, and end"
    )
    at_terminal.set_defaults(queue=None, idle_exit=None)
    hosted = commands.add_parser("host", help="serve a flow as an instance of a deployment, on sockets handed down")
    hosted.add_argument("--flow", required=True, help="the flow's folder, or its definition file")
    hosted.add_argument("--fd", type=int, required=True, help="a listening socket, for requests")
    hosted.add_argument("--health-fd", type=int, help="a listening socket, for health checks")
    hosted.add_argument("--queue", type=int, help="requests that may wait for a place (as many as may run)")
    hosted.add_argument(
        "--idle-exit",
        type=_positive,
        metavar="S",
        help="end with code 81 when there was no request for so long (never)",
    )
    for command, concurrency, timeout in ((at_terminal, None, None), (hosted, 10, 90.0)):
        command.add_argument("--connections", metavar="FILE", help='JSON: {"name": {"type": …, field: …}}')
        command.add_argument("--collect", metavar="FILE", help="JSON: what is collected, and where to")
        command.add_argument("--concurrency", type=_positive_int, default=concurrency, metavar="N")
        command.add_argument("--timeout", type=_positive, default=timeout, metavar="S")
        command.add_argument("--queue-wait", type=_seconds, default=0.5, metavar="S")
        command.add_argument(
            "--workers", type=_positive_int, metavar="N", help="worker processes (PROMPTFLOW_WORKER_NUM; 1)"
        )
        command.add_argument("--worker", help=argparse.SUPPRESS)
        command.add_argument("--body-limit", type=_positive_int, default=BODY_LIMIT, metavar="BYTES")
        command.add_argument(
            "--content-limit",
            type=_positive_int,
            metavar="BYTES",
            help="of a body that was compressed, and of an image that is fetched (the body limit)",
        )
        command.add_argument(
            "--cors",
            action="extend",
            nargs="+",
            metavar="ORIGIN",
            help="pages that may call from a browser, or * for all (FLOWSTEAD_CORS_ORIGINS; none)",
        )
        command.add_argument("--grace", type=_positive, metavar="S", help="to finish at the end (the time-out)")
    return parser


def _seconds(text: str) -> float:
    return 0.0 if float(text) == 0 else _positive(text)


def _argument(text: str) -> tuple[str, Any]:
    """`name=value`, the value as JSON where it is that, else as text."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def _positive_int(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive whole number")
    return value
