"""`flowstead connection …`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowstead.azure_yaml import document_of, read_connection, shown_connection, shown_with_secrets
from flowstead.azure_yaml.connection_types import TYPES
from flowstead.cli.apps import (
    FileOption,
    HomeOption,
    OutputOption,
    QueryOption,
    SetOption,
    YesOption,
    confirm,
    resource_app,
)
from flowstead.cli.asset_commands import NameOption, OptionalName
from flowstead.cli.documents import document_from, overridden, wanted_name, warn
from flowstead.cli.opening import open_client
from flowstead.cli.output import show

app = resource_app("Connections: addresses with their secrets.")


@app.command()
def create(
    file: FileOption = None,
    name: OptionalName = None,
    set_values: SetOption = None,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Create a connection, or overwrite it.

    Secrets are kept by the server and not shown again."""
    connection = read_connection(document_from(file, set_values, {"name": name}))
    warn(connection.notes)
    wanted = wanted_name(connection.name, "connection")
    with open_client(home) as client:
        show(shown_connection(client.connections.put(wanted, connection.body)), output, query)


@app.command()
def update(
    name: OptionalName = None,
    file: FileOption = None,
    set_values: SetOption = None,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Change a connection.

    With --set alone, its other values stay, its secrets too."""
    if file is not None:
        create(file, name, set_values, home, output, query)
        return
    wanted = wanted_name(name or "", "connection")
    with open_client(home) as client:
        source = document_of(shown_connection(client.connections.get(wanted)), wanted)
        connection = read_connection(overridden(source, set_values, {}))
        warn(connection.notes)
        show(shown_connection(client.connections.change(wanted, connection.body)), output, query)


@app.command("show")
def show_one(
    name: NameOption,
    populate_secrets: Annotated[
        bool, typer.Option("--populate-secrets", help="Print its secrets too, if you may read them.")
    ] = False,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Show a connection."""
    with open_client(home) as client:
        if populate_secrets:
            show(shown_with_secrets(client.connections.with_secrets(name)), output, query)
        else:
            show(shown_connection(client.connections.get(name)), output, query)


@app.command("list")
def list_all(
    type: Annotated[str | None, typer.Option("--type", help="Only those of this type, as in azure_open_ai.")] = None,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """List the connections."""
    known = TYPES.get(type.lower()) if type else None
    with open_client(home) as client:
        found = client.connections.all(known.asked_for if known else type or "")
        show([shown_connection(body) for body in found], output, query)


@app.command()
def delete(name: NameOption, yes: YesOption = False, home: HomeOption = None) -> None:
    """Delete a connection, which no deployment may use."""
    with open_client(home) as client:
        client.connections.get(name)
        confirm(f"Delete the connection {name}?", yes=yes)
        client.connections.delete(name)
