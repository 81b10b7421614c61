"""`flowstead master-key`."""

from __future__ import annotations

import os
from typing import Any

from flowstead.cli.apps import HomeOption, OutputOption, QueryOption, new_app
from flowstead.cli.opening import open_client
from flowstead.cli.output import show
from flowstead.errors import CommandFailed
from flowstead.launch.lock import find_holder
from flowstead.resources.home import Home
from flowstead.resources.master_key import COMMAND_VARIABLE, KEY_VARIABLE, GivenVariables

app = new_app("The key under which secrets are sealed.")


@app.command("show")
def show_key(home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """Show which key it is, where it comes from and since when; never the key itself."""
    with open_client(home) as client:
        show(client.master_key(), output, query)


@app.command()
def rotate(home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """Seal every secret under another key: a new one in the home's file, or the one that is now in FLOWSTEAD_MASTER_KEY
    or printed by FLOWSTEAD_MASTER_KEY_COMMAND. With or without a running server; instances notice nothing."""
    rotated = _rotated(home)
    if output is not None or query is not None:
        show(rotated, output, query)
        return
    print(f"{rotated['secrets']} secrets are sealed under the master key {rotated['keyId']}, in {rotated['source']}.")
    if rotated["finished"]:
        print("The key before opens nothing here any more; copies of the home that were made before still need it.")
    else:
        print("What is left of the key before could not be removed; the next start of the server tries again.")


def _rotated(home: HomeOption) -> dict[str, Any]:
    place, given = Home.at(home), GivenVariables.take(os.environ)
    if place.login.exists() or find_holder(place) is not None:
        with open_client(home) as client:
            _check_source(given, str(client.master_key()["source"]))
            return client.rotate_master_key()
    from flowstead.launch.rotation import rotate_without_server  # only here: with a server nothing of it is needed

    return rotate_without_server(place, given).as_body()


def _check_source(given: GivenVariables, source: str) -> None:
    """A server keeps to the source that it was started with, so variables that are set here move no key anywhere.
    Raises CommandFailed."""
    for name, value in ((KEY_VARIABLE, given.key), (COMMAND_VARIABLE, given.command)):
        if value and name not in source.split():
            raise CommandFailed(
                f"{name} is set here, and the running server has its master key in {source}.",
                hint="To move the key, end the server and run this again; to stay with the server's, unset it here.",
            )
