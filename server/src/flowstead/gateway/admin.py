"""Envoy's admin interface, a Unix socket in the run directory."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlencode

from flowstead.gateway.epochs import Epoch

_TIMEOUT_S = 5.0
_WATCHED = {
    "cluster_manager.cds": "clusters",
    "http.door.rds.door": "routes",
    "listener_manager.lds": "listeners",
    "extension_config_discovery.http_filter.envoy.filters.http.jwt_authn": "issuer",
}
_STATISTICS = (
    "^(" + "|".join(re.escape(name) for name in _WATCHED) + r")\.(version_text|update_rejected|update_failure)$"
    r"|^cluster_manager\.warming_clusters$|^listener_manager\.total_listeners_active$"
)

_ANSWERED, _IN_FLIGHT, _TOOK = "upstream_rq_completed", "upstream_rq_active", "upstream_rq_time"
_OF_DEPLOYMENTS = r"^cluster\.[^./]+/[^.]+\."
"""Deployments' clusters have a slash in their names, and ours has none; the admin interface shows what was counted."""


class AdminUnreachable(Exception):
    """Envoy does not answer: it is not up (yet, or any more)."""


@dataclass(frozen=True)
class Taken:
    """What Envoy has taken. versions: `clusters`, `routes`, `listeners`, `issuer` → version, "" for none; refused: how
    many updates of each it did not take since its start; warming: clusters whose first health check is outstanding;
    listening: how many listeners accept connections."""

    versions: dict[str, str]
    refused: dict[str, int]
    warming: int
    listening: int


@dataclass(frozen=True)
class About:
    """takeover_version: two Envoys take over from one another when it is the same, "disabled" for one that cannot;
    epoch: its place in the row of those that did."""

    takeover_version: str
    epoch: Epoch


class Admin:
    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def is_live(self, within_s: float = _TIMEOUT_S) -> bool:
        try:
            return self._ask("GET", "/ready", within_s=within_s).strip() == "LIVE"
        except AdminUnreachable:
            return False

    def taken(self) -> Taken:
        """Raises AdminUnreachable."""
        versions = dict.fromkeys(_WATCHED.values(), "")
        refused = dict.fromkeys(_WATCHED.values(), 0)
        warming = listening = 0
        for name, value in self._statistics(_STATISTICS):
            subscription, _, counter = name.rpartition(".")
            if name == "cluster_manager.warming_clusters":
                warming = int(value)
            elif name == "listener_manager.total_listeners_active":
                listening = int(value)
            elif counter == "version_text":
                versions[_WATCHED[subscription]] = value
            else:
                refused[_WATCHED[subscription]] += int(value)
        return Taken(versions, refused, warming, listening)

    def answered(self) -> dict[str, int]:
        """Cluster of a deployment → requests that it has been charged with since it is there, refusals for overload or
        for want of an instance among them. Raises AdminUnreachable."""
        return self._of_deployments(_ANSWERED)

    def in_flight(self) -> dict[str, int]:
        """Cluster of a deployment → requests that its instances are answering, those that queue there included. Raises
        AdminUnreachable."""
        return self._of_deployments(_IN_FLIGHT)

    def latencies(self) -> dict[str, dict[float, int]]:
        """Cluster of a deployment → the middle of a range, in milliseconds → how many requests took so long since it is
        there. Up to five seconds late: the rest is not counted yet. Raises AdminUnreachable."""
        said = self._ask(
            "GET", "/stats", filter=f"{_OF_DEPLOYMENTS}{_TOOK}$", format="json", histogram_buckets="detailed"
        )
        try:
            return {
                _cluster_of(each["name"], _TOOK): {
                    part["lower_bound"] + part["width"] / 2: int(part["count"]) for part in each["totals"]
                }
                for found in json.loads(said)["stats"]
                for each in found.get("histograms", {}).get("details", ())
            }
        except (ValueError, KeyError) as failure:
            raise AdminUnreachable(f"Envoy does not say how long requests took: {failure!r}") from failure

    def active_requests(self) -> int:
        """Raises AdminUnreachable."""
        return sum(int(value) for _, value in self._statistics(r"^http\.door\.downstream_rq_active$"))

    def listener_error(self) -> str:
        """Why the listener was refused (a taken port), or "". Raises AdminUnreachable."""
        dump = json.loads(self._ask("GET", "/config_dump?resource=dynamic_listeners"))
        for listener in dump.get("configs", []):
            if details := listener.get("error_state", {}).get("details"):
                return str(details)
        return ""

    def told(self) -> About:
        """Raises AdminUnreachable."""
        try:
            info = json.loads(self._ask("GET", "/server_info"))
            options = info["command_line_options"]
            epoch = Epoch(int(options.get("base_id", 0)), int(options.get("restart_epoch", 0)))
            return About(str(info["hot_restart_version"]), epoch)
        except (ValueError, KeyError) as failure:
            raise AdminUnreachable(f"Envoy does not say who it is: {failure!r}") from failure

    def drain(self) -> None:
        """Take no connection any more; requests in flight go on, and connections end with their answers. Raises
        AdminUnreachable."""
        # The first alone would go on taking connections, the second alone would leave the ones that are there open.
        self._ask("POST", "/drain_listeners?graceful&skip_exit")
        self._ask("POST", "/drain_listeners")

    def _of_deployments(self, counter: str) -> dict[str, int]:
        found = self._statistics(f"{_OF_DEPLOYMENTS}{counter}$")
        return {_cluster_of(name, counter): int(value) for name, value in found}

    def _statistics(self, pattern: str) -> list[tuple[str, str]]:
        lines = self._ask("GET", "/stats", filter=pattern).splitlines()
        pairs = (line.partition(": ") for line in lines if line)
        return [(name, value.strip('"')) for name, _, value in pairs]

    def _ask(self, method: str, path: str, within_s: float = _TIMEOUT_S, **query: str) -> str:
        target = f"{path}?{urlencode(query)}" if query else path
        connection = _Connection(str(self._socket), within_s)
        try:
            connection.request(method, target)
            return connection.getresponse().read().decode("utf-8", "replace")
        except (OSError, HTTPException) as failure:
            raise AdminUnreachable(str(failure)) from failure
        finally:
            connection.close()


def _cluster_of(statistic: str, counter: str) -> str:
    return statistic.removeprefix("cluster.").removesuffix(f".{counter}")


class _Connection(HTTPConnection):
    """HTTP over a Unix socket. httpx leaves the socket open when nobody listens, which is the usual case here."""

    def __init__(self, path: str, within_s: float) -> None:
        super().__init__("admin", timeout=within_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
