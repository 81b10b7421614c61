"""`flowstead model …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowstead.azure_yaml import read_model, shown_model
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
from flowstead.cli.asset_commands import (
    AssetKind,
    NewVersion,
    OptionalName,
    add_asset_commands,
    checked,
)
from flowstead.cli.documents import document_from, pairs
from flowstead.cli.opening import open_client
from flowstead.cli.output import show
from flowstead.cli.progress import stages
from flowstead.cli.registering import register_model

app = resource_app("Models: registered versions of a flow's files.")
KIND = AssetKind("model", "models", lambda client: client.models, shown_model, address="modelUri")


@app.command()
def create(
    file: FileOption = None,
    name: OptionalName = None,
    version: NewVersion = None,
    path: Annotated[Path | None, typer.Option("--path", "-p", help="The flow's folder.")] = None,
    type: Annotated[str | None, typer.Option("--type", "-t", help="custom_model, unless it is said.")] = None,
    set_values: SetOption = None,
    description: DescriptionOption = None,
    tags: TagsOption = None,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Register a flow's folder."""
    options = {
        "name": name,
        "version": version,
        "path": str(path.absolute()) if path else None,
        "type": type,
        "description": description,
    }
    document = document_from(file, set_values, options).with_texts("tags", pairs(tags, "--tags"))
    model = read_model(document)
    wanted = checked(model.name or "", model.version, "model")
    with open_client(home) as client:
        with stages().stage(f"Registering the model {wanted}"):
            registered = register_model(client, model)
        show(shown_model(registered), output, query)


add_asset_commands(app, KIND)
