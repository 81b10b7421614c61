"""What the gateway has to serve, as plain data: the input of `routes`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowstead.resources.inference import Inference


@dataclass(frozen=True)
class Upstream:
    """One ready instance: Unix socket paths (or host:port) for requests and for health checks."""

    address: str
    health_address: str


@dataclass(frozen=True)
class GatewayDeployment:
    """name; instances that take traffic; request_timeout_s: to the first byte; max_requests: (concurrency + queue)
    × instances, above it 429. stopped: on purpose; it is answered 503 with the command that starts it. inference: the
    paths of an image's own server, None for the runtime's. sleeps: its instances end when nobody asks them, and the
    next connection starts them; no health is checked. requests_per_second: above it 429; 0 for
    any number."""

    name: str
    instances: tuple[Upstream, ...]
    request_timeout_s: float
    max_requests: int
    stopped: bool = False
    inference: Inference | None = None
    sleeps: bool = False
    requests_per_second: int = 0

    @property
    def scoring_path(self) -> str:
        """Where its instances score."""
        return "/score" if self.inference is None else self.inference.scoring_path


@dataclass(frozen=True)
class TokenIssuer:
    """Whose tokens open endpoints. url: the tokens' `iss`; jwks: its public keys, all that are in use."""

    url: str
    jwks: Mapping[str, Any]


@dataclass(frozen=True)
class TokenRule:
    """Which of the issuer's tokens open an endpoint. audience: the token's `aud`, exactly; sessions: the `sid` of
    those who may come with one. A session stands for a principal and what was issued to it until it was revoked.
    scope: the endpoint's id, on which whoever comes with a good token and may not is told to get a role; "" when
    the token itself stands for the permission (401)."""

    audience: str
    sessions: tuple[str, ...] = ()
    scope: str = ""


@dataclass(frozen=True)
class GatewayEndpoint:
    """keys: accepted keys, primary first; tokens: accepted tokens, in place of any key. Without both every request is
    refused with 401. requests_per_second: above it 429; 0 for any number, None for what the door says. traffic:
    deployment → percent, sums to 0 or 100; mirror: deployment → percent, at most one."""

    name: str
    keys: tuple[str, ...] = field(repr=False)
    deployments: tuple[GatewayDeployment, ...] = ()
    traffic: Mapping[str, int] = field(default_factory=dict)
    mirror: Mapping[str, int] = field(default_factory=dict)
    tokens: TokenRule | None = None
    requests_per_second: int | None = None


@dataclass(frozen=True)
class Certificate:
    """What the HTTPS door shows. chain, key: PEM."""

    chain: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class TlsDoor:
    """Where the gateway listens for HTTPS, and the file (SDS) that holds its certificate and key."""

    host: str
    port: int
    certificate_file: str


@dataclass(frozen=True)
class Door:
    """Where the gateway listens and where it finds the API. host, port: for HTTP; tls: for HTTPS, with the same
    routes. own_hosts: by which we go, IPv6 addresses bare; no other host is answered but 421. domain: endpoints are
    also reached as `{endpoint}.{domain}`, "" for none; an own host in that domain is no endpoint's. Both in lower
    case."""

    host: str
    port: int
    api_socket: str
    access_log: str
    max_request_bytes: int = 16 * 1024 * 1024
    """Bound of a scoring request's body; 413 above it."""
    requests_per_second: int = 0
    """Of an endpoint that says nothing; 0 for any number."""
    tls: TlsDoor | None = None
    domain: str = ""
    own_hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "::1")

    @property
    def bindings(self) -> tuple[tuple[str, int], ...]:
        """(host, port) of each listener."""
        plain = (self.host, self.port)
        return (plain, (self.tls.host, self.tls.port)) if self.tls else (plain,)
