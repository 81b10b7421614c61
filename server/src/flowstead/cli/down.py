"""`flowstead down`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from flowstead.cli.apps import HomeOption, new_app
from flowstead.cli.progress import stages
from flowstead.launch.hurry import Hurry
from flowstead.launch.teardown import TornDown, tear_down
from flowstead.resources.home import Home

app = new_app()


@app.command()
def down(
    drain_seconds: Annotated[
        float, typer.Option(help="How long requests and streams may take that are being answered.", min=0.0)
    ] = 10.0,
    now: Annotated[bool, typer.Option("--now", help="Wait for no request.")] = False,
    home: HomeOption = None,
) -> None:
    """End the server, the gateway and all instances. What was registered stays: the next `up` brings it back.

    Requests that are being answered may end first; Ctrl-C during that, or --now, cuts them."""
    place, hurry = Home.at(home), Hurry(asked=now)
    with stages().stage("Stopping Flowstead") as stage, hurry.by_signal(lambda: stage.phase("Waiting for nobody")):
        ended = tear_down(place, say=stage.phase, drain_s=drain_seconds, hurry=hurry)
    print(_summary(ended, place))
    if ended.cut:
        print(told_of_cut(ended), file=sys.stderr)


def told_of_cut(ended: TornDown) -> str:
    """For people."""
    return f"{ended.cut} request{'s were' if ended.cut != 1 else ' was'} cut before the answer was complete."


def _summary(ended: TornDown, home: Home) -> str:
    if not ended.anything:
        return f"Nothing was running on {home.root}."
    parts = [
        f"the server (process {ended.server})" if ended.server else "",
        "the gateway" if ended.gateway else "",
        f"{ended.instances} instance{'s' if ended.instances != 1 else ''}" if ended.instances else "",
    ]
    return f"Ended on {home.root}: {', '.join(part for part in parts if part)}."
