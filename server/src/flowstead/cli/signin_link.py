"""`flowstead signin-link`."""

from __future__ import annotations

from flowstead.cli.apps import HomeOption, new_app
from flowstead.client import FlowsteadClient
from flowstead.resources.home import Home

app = new_app()


@app.command()
def signin_link(home: HomeOption = None) -> None:
    """Print a link that signs a browser in as you, and nothing else.

    It works once, within ten minutes: whoever opens it first is signed in."""
    with FlowsteadClient.of(Home.at(home)) as client:
        print(client.sign_in_link())
