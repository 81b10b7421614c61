"""`flowstead workspace …`."""

from __future__ import annotations

from flowstead.azure_yaml import shown_workspace
from flowstead.cli.apps import HomeOption, OutputOption, QueryOption, resource_app
from flowstead.cli.asset_commands import OptionalName
from flowstead.cli.opening import open_client
from flowstead.cli.output import show

app = resource_app("Workspaces: where the other resources are.")


@app.command("show")
def show_one(
    name: OptionalName = None, home: HomeOption = None, output: OutputOption = None, query: QueryOption = None
) -> None:
    """Show the workspace."""
    with open_client(home) as client:
        show(shown_workspace(client.workspaces.get(name or "")), output, query)


@app.command("list")
def list_all(home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """List the workspaces."""
    with open_client(home) as client:
        show([shown_workspace(body) for body in client.workspaces.all()], output, query)
