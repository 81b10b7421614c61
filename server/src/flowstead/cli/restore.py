"""`flowstead restore`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from flowstead.cli.apps import HomeOption, new_app
from flowstead.cli.progress import stages
from flowstead.launch.backup import Manifest
from flowstead.launch.restore import restore as make_home
from flowstead.resources.home import Home
from flowstead.resources.master_key import COMMAND_VARIABLE, KEY_VARIABLE

app = new_app()


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `flowstead backup` has written.", metavar="FILE.tar.gz")],
    home: HomeOption = None,
) -> None:
    """Make a home of a backup: a new one, or nothing at all. The next `up` there brings every endpoint back."""
    place = Home.at(home)
    with stages().stage(f"Restoring {place.root}"):
        made = make_home(file, place)
    print(f"{place.root} is as it was at {made.made_at}: {len(made.files)} files.")
    if missing := _missing(made, place):
        print(missing, file=sys.stderr)
    print(f"next: flowstead up --home {place.root} (--port and --tls-port, where the first home still runs)")


def _missing(made: Manifest, home: Home) -> str:
    parts = []
    if made.master_key_id and not made.master_key:
        parts.append(
            f"Missing: the master key {made.master_key_id}. Put it into {home.keys / 'master.key'}, or set "
            f"{KEY_VARIABLE} or {COMMAND_VARIABLE} as before; without it `up` does not start."
        )
    if not made.keys:
        parts.append(
            "Missing: the keys for tokens and TLS. `up` makes new ones: everybody signs in again, and clients need the "
            "new tls/ca.pem."
        )
    return "\n".join(parts)
