"""`flowstead model …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowstead.azure_yaml import read_model, shown_model
from flowstead.cli.apps import (
    FileOption,
    HomeOption,
    OutputOption,
    QueryOption,
    SetOption,
    YesOption,
    confirm,
    new_app,
)
from flowstead.cli.assets import register_flow
from flowstead.cli.documents import document_from, wanted_name
from flowstead.cli.output import show
from flowstead.cli.progress import stages
from flowstead.client import FlowsteadClient
from flowstead.resources.home import Home
from flowstead.resources.names import check_asset_name

app = new_app("Models: registered versions of a flow's files.")
NameOption = Annotated[str, typer.Option("--name", "-n", help="The model's name.")]
VersionOption = Annotated[str | None, typer.Option("--version", "-v", help="The version [default: the latest].")]


@app.command()
def create(
    file: FileOption = None,
    name: Annotated[str | None, typer.Option("--name", "-n", help="The model's name.")] = None,
    version: Annotated[str | None, typer.Option("--version", "-v", help="The version [default: the next].")] = None,
    path: Annotated[Path | None, typer.Option("--path", "-p", help="The flow's folder.")] = None,
    set_values: SetOption = None,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Register a flow's folder."""
    options = {"name": name, "version": version, "path": str(path.absolute()) if path else None}
    model = read_model(document_from(file, set_values, options))
    wanted = check_asset_name(wanted_name(model.name or "", "model"))
    with FlowsteadClient.local(Home.at(home)) as client:
        with stages().stage(f"Registering the model {wanted}"):
            registered = register_flow(client, model)
        show(shown_model(registered), output, query)


@app.command("show")
def show_one(
    name: NameOption,
    version: VersionOption = None,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Show a version of a model."""
    with FlowsteadClient.local(Home.at(home)) as client:
        found = client.models.get(name, version) if version else client.models.latest(name)
        show(shown_model(found), output, query)


@app.command("list")
def list_all(
    name: Annotated[str | None, typer.Option("--name", "-n", help="List this model's versions.")] = None,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """List the models, or the versions of one."""
    with FlowsteadClient.local(Home.at(home)) as client:
        found = client.models.versions(name) if name else client.models.all()
        show([shown_model(body) for body in found], output, query)


@app.command()
def delete(
    name: NameOption,
    version: Annotated[str, typer.Option("--version", "-v", help="The version to delete.")],
    yes: YesOption = False,
    home: HomeOption = None,
) -> None:
    """Delete a version of a model.

    One that is deployed is refused."""
    with FlowsteadClient.local(Home.at(home)) as client:
        client.models.get(name, version)
        confirm(f"Delete version {version} of the model {name}?", yes=yes)
        client.models.delete(name, version)
