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


def check_door(home: Home, settings: ServerSettings, gateway: EnvoyGateway) -> None:
    """Raises PortInUse unless the door's port is free or our own gateway, still running, has it."""
    known = read_settings(home)
    if (
        known is not None
        and (known.host, known.port) == (settings.host, settings.port)
        and gateway.observe() is not None
    ):
        return
    check_port(settings.host, settings.port)
