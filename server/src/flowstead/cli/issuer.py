"""`flowstead issuer`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowstead.cli.apps import HomeOption, OutputOption, QueryOption, new_app
from flowstead.cli.opening import open_client
from flowstead.cli.output import show

app = new_app("The keys that sign tokens.")


@app.command("show")
def show_keys(home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """Show which key signs, since when, and which ones before it still verify; never the keys themselves."""
    with open_client(home) as client:
        show(client.issuer_keys(), output, query)


@app.command()
def rotate(
    end_tokens: Annotated[
        bool, typer.Option("--end-tokens", help="End all tokens that are there at once; everybody signs in again.")
    ] = False,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Sign tokens with a new key from now on. Those that are there stay good until they end. It happens by itself every
    90 days."""
    with open_client(home) as client:
        rotated = client.rotate_issuer_key(end_tokens=end_tokens)
    if output is not None or query is not None:
        show(rotated, output, query)
        return
    print(f"Tokens are signed with the key {rotated['keyId']} from now on.")
    if rotated["former"]:
        print(f"Keys before it verify until {rotated['former'][0]['until']}; nobody can sign with them any more.")
    else:
        print("No token from before opens anything any more.")
