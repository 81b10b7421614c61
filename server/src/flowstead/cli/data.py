"""`flowstead data …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowstead.azure_yaml import read_data, shown_data
from flowstead.cli.apps import (
    DescriptionOption,
    FileOption,
    HomeOption,
    OutputOption,
    QueryOption,
    SetOption,
    TagsOption,
    resource_app,
)
from flowstead.cli.asset_commands import AssetKind, NewVersion, OptionalName, add_asset_commands, checked
from flowstead.cli.documents import document_from, pairs
from flowstead.cli.opening import open_client
from flowstead.cli.output import show
from flowstead.cli.progress import stages
from flowstead.cli.registering import register_data

app = resource_app("Data assets: files and folders, what was collected among them.")
KIND = AssetKind("data asset", "data assets", lambda client: client.data, shown_data, address="dataUri")


@app.command()
def create(
    file: FileOption = None,
    name: OptionalName = None,
    version: NewVersion = None,
    path: Annotated[
        str | None, typer.Option("--path", "-p", help="A file or folder of this machine, or an address.")
    ] = None,
    type: Annotated[str | None, typer.Option("--type", "-t", help="uri_file, uri_folder or mltable.")] = None,
    set_values: SetOption = None,
    description: DescriptionOption = None,
    tags: TagsOption = None,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Register a file or a folder.

    One of this machine is uploaded."""
    options = {
        "name": name,
        "version": version,
        "path": str(Path(path).absolute()) if path and "://" not in path else path,
        "type": type,
        "description": description,
    }
    data = read_data(document_from(file, set_values, options).with_texts("tags", pairs(tags, "--tags")))
    wanted = checked(data.name, data.version, "data asset")
    with open_client(home) as client:
        with stages().stage(f"Registering the data asset {wanted}"):
            registered = register_data(client, data)
        show(shown_data(registered), output, query)


add_asset_commands(app, KIND)
