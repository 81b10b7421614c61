"""The door of a home: where its gateway listens, and whether it may."""

from __future__ import annotations

from flowstead.gateway.description import Door
from flowstead.gateway.process import EnvoyGateway, check_port
from flowstead.launch.addresses import read_settings
from flowstead.resources.home import Home
from flowstead.resources.settings import ServerSettings


def door_of(home: Home, settings: ServerSettings) -> Door:
    """Where the gateway of this home listens."""
    return Door(
        host=settings.host,
        port=settings.port,
        api_socket=str(home.api_socket),
        access_log=str(home.logs / "access.log"),
    )


def check_door(home: Home, settings: ServerSettings) -> bool:
    """Whether our own gateway, still running, has the door's port. Raises PortInUse when another program has it, and
    StartFailed when it is not ours to bind."""
    known = read_settings(home)
    same = known is not None and (known.host, known.port) == (settings.host, settings.port)
    if same and EnvoyGateway(home, door_of(home, settings)).observe() is not None:
        return True
    check_port(settings.host, settings.port)
    return False
