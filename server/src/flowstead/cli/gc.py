"""`flowstead gc`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowstead.cli.apps import HomeOption, OutputOption, QueryOption, new_app
from flowstead.cli.opening import open_client
from flowstead.cli.output import Format, render, show

app = new_app()


@app.command("gc")
def collect(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Remove uploads, content, environments and logs that nothing uses any more."""
    with open_client(home) as client:
        removed = client.collect_garbage(dry_run=dry_run)
    if output is not None or query is not None:
        show(removed, output, query)
        return
    if removed["value"]:
        print(render(removed["value"], Format.TABLE))
    verb = "would be removed" if dry_run else "removed"
    print(f"{len(removed['value'])} things, {removed['bytes'] / 2**20:.1f} MiB {verb}.")
