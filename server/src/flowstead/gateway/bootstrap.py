"""How Envoy is started: its command line, its first configuration, and where its files lie. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowstead.gateway.listener import file_source
from flowstead.gateway.routes import Configuration
from flowstead.gateway.turns import Turn

Json = dict[str, Any]

_MAX_CONNECTIONS = 50_000
_MOST_THREADS = 4
"""One thread carries some 5,000 requests a second: the instances need the other cores more."""


@dataclass(frozen=True)
class Files:
    """What Envoys read, in the short run directory: a Unix socket's path holds 107 bytes. `Turn` has the rest."""

    run: Path

    @property
    def clusters(self) -> Path:
        return self.run / "cds.json"

    @property
    def routes(self) -> Path:
        return self.run / "rds.json"

    @property
    def listeners(self) -> Path:
        return self.run / "lds.json"

    @property
    def certificate(self) -> Path:
        """The HTTPS door's certificate and key."""
        return self.run / "sds.json"

    @property
    def issuer(self) -> Path:
        """Whose tokens open endpoints."""
        return self.run / "ecds.json"

    @property
    def acknowledged(self) -> Path:
        """The versions that Envoy has said it took, after the last publication that succeeded."""
        return self.run / "acknowledged.json"

    @property
    def draining(self) -> Path:
        """There from when Envoy lets go of the door until it has ended: it takes no connection any more, though it may
        run for long when nobody is left who would end it."""
        return self.run / "draining"

    @property
    def takeover_socket(self) -> Path:
        """What the names of the sockets begin with by which an Envoy takes over from the one before."""
        return self.run / "hot"


def command(binary: Path, turn: Turn, cores: int) -> tuple[str, ...]:
    """Envoy logs to standard error.

    `config` is silent: Envoy logs a file that it cannot parse, and the routes hold keys (`rejection` finds the
    reason otherwise). `misc` would remark for every key that its filter is young, `http` would log query strings.
    """
    return (
        str(binary),
        *("--config-path", str(turn.bootstrap)),
        *("--concurrency", str(max(1, min(cores, _MOST_THREADS)))),
        *("--log-level", "warning"),
        *("--component-log-level", "config:off,misc:error,http:off"),
        *("--file-flush-interval-msec", "1000"),
        "--reject-unknown-dynamic-fields",
    )


def start_of(binary: Path, files: Files, cores: int, version: str) -> str:
    """Digest of everything by which Envoy is started, wherever it runs: it differs whenever another is needed."""
    turn = Turn(Path())
    what = [command(binary, turn, cores), bootstrap(files, turn), version]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]


def bootstrap(files: Files, turn: Turn, *, start: str = "", number: int = 0, base_id: int | None = None) -> Json:
    """start, number, base_id: noted for `turns`, of no meaning to Envoy."""
    notes = {"start": start, "number": number} | ({} if base_id is None else {"base_id": base_id})
    connections = {
        "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3"
        ".DownstreamConnectionsConfig",
        "max_active_downstream_connections": _MAX_CONNECTIONS,
    }
    monitor = {"name": "envoy.resource_monitors.global_downstream_max_connections", "typed_config": connections}
    return {
        "node": {
            "id": "flowstead-gateway",
            "cluster": "flowstead",
            "metadata": notes,
        },
        "admin": {"address": {"pipe": {"path": str(turn.admin_socket), "mode": 0o600}}},
        "dynamic_resources": {
            "cds_config": file_source(str(files.clusters)),
            "lds_config": file_source(str(files.listeners)),
        },
        "overload_manager": {"resource_monitors": [monitor]},
    }


def everything_inline(wanted: Configuration) -> Json:
    """The same configuration without files, as `envoy --mode validate` reads it."""
    listeners = [_untyped(listener) for listener in wanted.listeners]
    for listener in listeners:
        network_filter = listener["filter_chains"][0]["filters"][0]
        manager = {key: value for key, value in network_filter["typed_config"].items() if key != "rds"}
        manager["route_config"] = _untyped(wanted.routes[0])
        listener["filter_chains"] = [{"filters": [network_filter | {"typed_config": manager}]}]
    return {
        "node": {"id": "flowstead-gateway", "cluster": "flowstead"},
        "static_resources": {"clusters": [_untyped(each) for each in wanted.clusters], "listeners": listeners},
    }


def _untyped(resource: Json) -> Json:
    return {key: value for key, value in resource.items() if key != "@type"}
