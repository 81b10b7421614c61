"""What `flowstead up` was started with, and by which addresses Flowstead goes."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from flowstead.resources.autoscale import GRAIN_S
from flowstead.resources.scaling import SCALE_IN_AFTER_S
from flowstead.resources.sizes import DEFAULT_QUOTA_CORES

DEFAULT_MAX_REQUEST_MB, LONGEST_REQUEST_MB = 16, 1024
DEFAULT_MAX_REQUEST_BYTES = DEFAULT_MAX_REQUEST_MB << 20
"""MiB that a scoring request's body may have: unless `up` says otherwise, and whatever it says."""

_LOOPBACK = "127.0.0.1"
_WILDCARDS = {"0.0.0.0": _LOOPBACK, "::": "::1"}  # noqa: S104 compared, not bound
"""An address that stands for all → the one by which this machine reaches it."""


@dataclass(frozen=True)
class ServerSettings:
    """host: an IP address. port, tls_port: of HTTP and HTTPS. public_url: what the URLs that we hand out begin with, no
    trailing slash; "" when each door goes by its own address. allow_plain_http: HTTP listens on a host that is not
    loopback too. domain: endpoints are also reached as `{endpoint}.{domain}`, "" for none. quota_cores: for all
    deployments. max_request_mb: of a scoring request's body, in MiB. requests_per_second: of an endpoint that says
    nothing, 0 for any number. demand_isolation: nothing of flows or packages runs where the machine cannot isolate it.
    allow_private_addresses: the server may call addresses on this machine or in private networks where somebody's word
    names them. oidc_issuer: whose tokens count beside our own, "" for nobody's; oidc_audience: whom they are for.
    flow_directory: where folders of flows lie that may be taken in, "" for nowhere. container_engine: `podman`,
    `docker`, `none`, or `auto` for what the host has. scale_in_after_s: how long fewer instances must have been enough
    before a deployment that scales by itself has fewer. autoscale_grain_s: the shortest timeGrain of autoscale
    rules."""

    host: str = _LOOPBACK
    port: int = 8080
    tls_port: int = 8443
    public_url: str = ""
    allow_plain_http: bool = False
    domain: str = ""
    quota_cores: int = DEFAULT_QUOTA_CORES
    max_request_mb: int = DEFAULT_MAX_REQUEST_MB
    requests_per_second: int = 0
    demand_isolation: bool = False
    allow_private_addresses: bool = False
    oidc_issuer: str = ""
    oidc_audience: str = ""
    flow_directory: str = ""
    container_engine: str = "auto"
    scale_in_after_s: int = SCALE_IN_AFTER_S
    autoscale_grain_s: int = GRAIN_S

    @property
    def max_request_bytes(self) -> int:
        return self.max_request_mb << 20

    @property
    def plain_host(self) -> str:
        """Where HTTP listens: it stays on loopback unless it was asked for in so many words."""
        return self.host if is_loopback(self.host) or self.allow_plain_http else _LOOPBACK

    def door_url(self, scheme: str) -> str:
        """The door as this machine reaches it, whatever its public name. scheme: http or https."""
        if scheme == "https":
            return _url(scheme, self.host, self.tls_port)
        return _url("http", self.plain_host, self.port)

    def base_url(self, scheme: str) -> str:
        """What URLs begin with that are handed out through this door. scheme: http or https."""
        return self.public_url or self.door_url(scheme)

    def endpoint_url(self, name: str, base_url: str) -> str:
        """What an endpoint's URLs begin with, no trailing slash: a host of its own when there is a domain. base_url: of
        the door through which it was asked for."""
        if not self.domain:
            return f"{base_url}/endpoints/{name}"
        parts = urlsplit(base_url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{name.lower()}.{self.domain}{port}"

    @property
    def audience(self) -> str:
        """The API as its tokens name it, whichever door they come through."""
        return self.base_url("https")

    @property
    def host_names(self) -> frozenset[str]:
        """The hosts that we go by, in lower case; anything else in a Host header is refused."""
        named = {urlsplit(self.base_url(scheme)).hostname or "" for scheme in ("http", "https")}
        own = set() if self.host in _WILDCARDS else {self.host}
        return frozenset(named | own | {"localhost", _LOOPBACK, "::1"})

    @property
    def certificate_names(self) -> frozenset[str]:
        """Whom the certificate of the HTTPS door speaks for."""
        return self.host_names | ({f"*.{self.domain}"} if self.domain else frozenset())

    def is_own(self, url: str) -> bool:
        """Whether the URL, which names no path, is a way to our API."""
        if url == self.public_url:
            return True
        try:
            parts = urlsplit(url)
            scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        except ValueError:
            return False
        ports = {("http", self.port), ("https", self.tls_port)}
        given = port or {"http": 80, "https": 443}.get(scheme, 0)
        return parts.path in ("", "/") and host in self.host_names and (scheme, given) in ports


def is_loopback(host: str) -> bool:
    """host: an IP address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_plain_loopback(url: str) -> bool:
    """Whether it is an http address of this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and (is_loopback(parts.hostname or "") or parts.hostname == "localhost")


def may_be_asked(url: str, *, here: bool) -> bool:
    """Whether it is an https address, which proves who answers. here: or an http one of this machine."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.username is None and not parts.fragment and (parts.port or 1) > 0
        return named and (parts.scheme == "https" or (here and is_plain_loopback(url)))
    except ValueError:
        return False


def _url(scheme: str, host: str, port: int) -> str:
    """Of an address that stands for all, the way from this machine."""
    reachable = _WILDCARDS.get(host, host)
    return f"{scheme}://[{reachable}]:{port}" if ":" in reachable else f"{scheme}://{reachable}:{port}"
