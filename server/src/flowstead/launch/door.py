"""The doors of a home: where its gateway listens, and whether it may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowstead.access.gate import Announce
from flowstead.gateway.bootstrap import Files
from flowstead.gateway.description import Door, TlsDoor, TokenIssuer
from flowstead.gateway.process import EnvoyGateway
from flowstead.gateway.program import check_ports
from flowstead.launch.addresses import read_settings
from flowstead.resources.home import Home
from flowstead.resources.settings import ServerSettings


def door_of(home: Home, settings: ServerSettings) -> Door:
    """Where the gateway of this home listens."""
    return Door(
        host=settings.plain_host,
        port=settings.port,
        api_socket=str(home.api_socket),
        access_log=str(home.logs / "access.log"),
        tls=TlsDoor(settings.host, settings.tls_port, str(Files(home.gateway_run).certificate)),
        max_request_bytes=settings.max_request_bytes,
        requests_per_second=settings.requests_per_second,
        domain=settings.domain,
        own_hosts=tuple(sorted(settings.host_names)),
    )


def announcing(gateway: EnvoyGateway) -> Announce:
    """Tells the gateway whose tokens open endpoints: the API's own issuer's."""

    def announce(url: str, jwks: Mapping[str, Any]) -> None:
        gateway.trust(TokenIssuer(url, jwks))

    return announce


def check_door(home: Home, settings: ServerSettings) -> bool:
    """Whether our own gateway, still running, has the doors' ports. Raises PortInUse when another program has one, and
    StartFailed when it is not ours to bind."""
    known, wanted = read_settings(home), set(door_of(home, settings).bindings)
    ours: set[tuple[str, int]] = set()
    if known is not None:
        before = door_of(home, known)
        ours = set(before.bindings) if EnvoyGateway(home, before).observe() is not None else set()
    check_ports(sorted(wanted - ours))
    return wanted <= ours
