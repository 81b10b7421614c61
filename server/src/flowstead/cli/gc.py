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
    if query is not None or output not in (None, Format.TABLE):
        show(removed, output, query)
        return
    if removed["value"]:
        print(render(removed["value"], Format.TABLE))
    verb = "would be removed" if dry_run else "removed"
    count = len(removed["value"])
    print(f"{count} {'thing' if count == 1 else 'things'}, {removed['bytes'] / 2**20:.1f} MiB {verb}.")
