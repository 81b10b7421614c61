"""`flowstead down`."""

from __future__ import annotations

from flowstead.cli.apps import HomeOption, new_app
from flowstead.cli.progress import stages
from flowstead.launch.teardown import TornDown, tear_down
from flowstead.resources.home import Home

app = new_app()


@app.command()
def down(home: HomeOption = None) -> None:
    """End the server, the gateway and all instances. What was registered stays: the next `up` brings it back."""
    place = Home.at(home)
    with stages().stage("Stopping Flowstead") as stage:
        ended = tear_down(place, say=stage.phase)
    print(_summary(ended, place))


def _summary(ended: TornDown, home: Home) -> str:
    if not ended.anything:
        return f"Nothing was running on {home.root}."
    parts = [
        f"the server (process {ended.server})" if ended.server else "",
        "the gateway" if ended.gateway else "",
        f"{ended.instances} instance{'s' if ended.instances != 1 else ''}" if ended.instances else "",
    ]
    return f"Ended on {home.root}: {', '.join(part for part in parts if part)}."
