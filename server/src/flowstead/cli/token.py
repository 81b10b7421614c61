"""`flowstead token`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowstead.cli.apps import HomeOption, new_app
from flowstead.client import FlowsteadClient
from flowstead.resources.home import Home

app = new_app()


@app.command()
def token(
    resource: Annotated[
        str, typer.Option("--resource", help="The audience [default: the management API].", metavar="AUDIENCE")
    ] = "",
    home: HomeOption = None,
) -> None:
    """Print a bearer token for the management API, and nothing else. It holds for an hour."""
    with FlowsteadClient.of(Home.at(home)) as client:
        print(client.session.token(resource.rstrip("/")))
