"""`flowstead backup`."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from flowstead.cli.apps import HomeOption, new_app
from flowstead.cli.progress import stages
from flowstead.launch.backup import Manifest, back_up
from flowstead.resources.clock import SystemClock, iso
from flowstead.resources.home import Home

app = new_app()


@app.command()
def backup(
    output: Annotated[
        Path, typer.Option("--output", help="The file to write, a tar archive under gzip.", metavar="FILE.tar.gz")
    ],
    include_keys: Annotated[
        bool,
        typer.Option(
            "--include-keys",
            help="Put the master key, the keys for tokens and TLS and the owner's credentials in: who has the file "
            "then has everything.",
        ),
    ] = False,
    home: HomeOption = None,
) -> None:
    """Write all that a home holds into one file, whether its server runs or not. Not in it: environments, which are
    built again, logs, and, unless it is said, the keys."""
    place = Home.at(home)
    with stages().stage(f"Copying {place.root}"):
        made = back_up(place, output, keys=include_keys, version=version("flowstead"), now=iso(SystemClock().now()))
    print(f"{output} holds {len(made.files)} files, {output.stat().st_size / 2**20:.1f} MiB.")
    print(_said_of_keys(made), file=sys.stderr)
    print(f"next: flowstead restore {output} --home DIRECTORY")


def _said_of_keys(made: Manifest) -> str:
    if not made.keys:
        key = f"the master key {made.master_key_id} and " if made.master_key_id else ""
        return f"Not in it: {key}the keys for tokens and TLS. Keep those elsewhere; secrets do not open without them."
    if made.master_key:
        return "All keys are in it: who can read the file can read every secret. Keep it as you keep the keys."
    return f"The master key {made.master_key_id} is not in it, since it comes from outside of the home."
