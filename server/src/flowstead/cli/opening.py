"""The server that a command on resources goes to."""

from __future__ import annotations

from pathlib import Path

from flowstead.cli.az_command import scope_options
from flowstead.client import FlowsteadClient
from flowstead.resources.home import Home


def open_client(home: Path | None) -> FlowsteadClient:
    """To the server that the home was logged in to, else to its own, in the workspace that the command line names."""
    client = FlowsteadClient.of(Home.at(home))
    client.session.within(**scope_options())
    return client
