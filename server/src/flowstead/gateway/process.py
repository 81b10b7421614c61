"""Envoy as it runs: told what to serve, watched, and through `life` started, found again, drained and stopped."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from flowstead.errors import GatewayUpdateFailed
from flowstead.gateway.admin import Admin, AdminUnreachable
from flowstead.gateway.bootstrap import Files
from flowstead.gateway.clusters import parts_of
from flowstead.gateway.description import Certificate, Door, GatewayEndpoint, TokenIssuer
from flowstead.gateway.epochs import Handover
from flowstead.gateway.files import certificate_text, issuer_text, place, read, texts, version_of, with_former, write
from flowstead.gateway.life import DRAIN_S, ENDED, TAKE_S, EnvoyLife, listener_error, taken_or_nothing
from flowstead.gateway.program import envoy_binary, wait
from flowstead.gateway.rejection import reason
from flowstead.gateway.routes import Configuration, configuration
from flowstead.resources.home import Home
from flowstead.supervise import ProcessState

Counted = TypeVar("Counted")


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

    def __init__(self, home: Home, door: Door, handover: Handover = Handover()) -> None:
        self._door = door
        self._files = Files(home.gateway_run)
        self._life = EnvoyLife(home, door, handover)
        self._lock = threading.Lock()
        self._is_whole = False
        """Envoy is known to have what was acknowledged, and not a part of what was to come after it."""

    def ensure_running(self) -> None:
        """Start Envoy, or find the one that runs; returns when it is ready and listens at the door.

        One that was started otherwise, by another version or of another Envoy, hands over to a new one without a gap
        where that can be. An Envoy that comes up anew serves what was published last. Raises EnvoyMissing, PortInUse,
        StartFailed.
        """
        with self._lock:
            self._life.ensure_running()

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
                return taken_or_nothing(self._life.admin()).versions["issuer"] in (version, "")

            if self._life.newest() is not None and not wait(settled, TAKE_S):
                raise GatewayUpdateFailed("Envoy did not take the issuer's new keys.")

    def keep_running(self) -> None:
        """Start Envoy again when nobody supervises it any more; returns at once when somebody does, ends one that was
        stopped and so hangs, and one that has handed over and is done. Raises what `ensure_running` raises."""
        seen = self._life.newest()
        if seen is None or seen.process.state in (ProcessState.LOST, ProcessState.GAVE_UP):
            self.ensure_running()
        with self._lock:
            self._life.replace_standing()
            self._life.retire()

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
            acknowledged = self._life.acknowledged()
            if self._is_whole and acknowledged == versions:
                return
            self._check_supervised()
            self._is_whole = False
            secrets = [key for endpoint in endpoints for key in endpoint.keys]
            before = {name: read(place(self._files, name)) for name in now}
            try:
                self._publish(wanted, now, before)
            except _Refused as refusal:
                for name, text in before.items():
                    if text:
                        write(place(self._files, name), text)
                raise self._update_failed(refusal, wanted, secrets) from None
            if acknowledged != versions:
                write(self._files.acknowledged, json.dumps(versions))
            self._is_whole = True

    def observe(self) -> GatewayObservation | None:
        """None when no Envoy is supervised here."""
        newest = self._life.newest()
        if newest is None:
            return None
        seen, known = newest.process, self._life.acknowledged()
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16] if known else ""
        return GatewayObservation(seen.state is ProcessState.RUNNING, seen.pid, digest)

    def answered(self) -> Mapping[tuple[str, str], int] | None:
        """(endpoint, deployment) → requests answered since Envoy knows it; None while Envoy is away."""
        return self._counted(Admin.answered)

    def in_flight(self) -> Mapping[tuple[str, str], int] | None:
        """(endpoint, deployment) → requests that its instances are answering; None while Envoy is away."""
        found = self._asked(Admin.in_flight)
        if found is None:
            return None
        sums: dict[tuple[str, str], int] = {}
        for cluster, count in found.items():  # one that has gone is told of as long as it has open streams
            sums[parts_of(cluster)] = sums.get(parts_of(cluster), 0) + count
        return sums

    def latencies(self) -> Mapping[tuple[str, str], Mapping[float, int]] | None:
        """(endpoint, deployment) → milliseconds → how many requests took so long since Envoy knows it; None while Envoy
        is away."""
        return self._counted(Admin.latencies)

    def _counted(self, counter: Callable[[Admin], Mapping[str, Counted]]) -> Mapping[tuple[str, str], Counted] | None:
        found = self._asked(counter)
        return None if found is None else {parts_of(cluster): count for cluster, count in found.items()}

    def _asked(self, counter: Callable[[Admin], Mapping[str, Counted]]) -> Mapping[str, Counted] | None:
        try:
            return counter(self._life.admin())
        except AdminUnreachable:
            return None

    def stop(self, grace_s: float = DRAIN_S, hurry: Callable[[], bool] = lambda: False) -> int:
        """Take no new connection, wait until the requests in flight, streams among them, are answered, at most grace_s
        and only until there is hurry, then end Envoy. Returns how many it cut. May be repeated. Raises StartFailed when
        it does not end."""
        with self._lock:
            return self._life.stop(grace_s, hurry)

    def _configuration(self, endpoints: Sequence[GatewayEndpoint]) -> Configuration:
        return configuration(endpoints, self._door, str(self._files.routes), str(self._files.issuer))

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
        refused_before = taken_or_nothing(self._life.admin()).refused[name]
        if read(path) != text:
            write(path, text)

        def settled() -> bool:
            seen = taken_or_nothing(self._life.admin())
            if seen.refused[name] > refused_before:
                raise _Refused(name)
            return seen.versions[name] == version and seen.warming == 0

        if not wait(settled, TAKE_S):
            raise _Refused(name, f"Envoy did not answer within {TAKE_S:.0f} s.")

    def _update_failed(self, refusal: _Refused, wanted: Configuration, secrets: Sequence[str]) -> GatewayUpdateFailed:
        words = refusal.words
        if not words and refusal.name == "listeners":
            words = listener_error(self._life.admin())
        words = words or reason(envoy_binary(), wanted, secrets, self._files.run)
        return GatewayUpdateFailed(f"Envoy did not take the new {refusal.name}.", details=words)

    def _check_supervised(self) -> None:
        seen = self._life.newest()
        if seen is None or seen.process.state in ENDED:
            raise GatewayUpdateFailed("The gateway is not running.")


class _Refused(Exception):
    """Envoy did not take a file. words: why, when that is known."""

    def __init__(self, name: str, words: str = "") -> None:
        super().__init__(name)
        self.name, self.words = name, words


def _check_keys(endpoints: Sequence[GatewayEndpoint]) -> None:
    """A key must fit into a header. Raises GatewayUpdateFailed, which does not show it."""
    for endpoint in endpoints:
        for key in endpoint.keys:
            if not key.isascii() or not key.isprintable() or key != key.strip():
                raise GatewayUpdateFailed(
                    f"A key of the endpoint {endpoint.name} has characters that cannot be sent in a header.",
                    hint="Regenerate the endpoint's keys.",
                )
