"""`flowstead environment …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowstead.azure_yaml import read_environment, shown_environment
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
from flowstead.cli.registering import register_environment

app = resource_app("Environments: packages and the image below them.")
KIND = AssetKind("environment", "environments", lambda client: client.environments, shown_environment)


@app.command()
def create(
    file: FileOption = None,
    name: OptionalName = None,
    version: NewVersion = None,
    image: Annotated[str | None, typer.Option("--image", "-i", help="The image to start from.")] = None,
    conda_file: Annotated[
        Path | None, typer.Option("--conda-file", "-c", help="A conda file with the packages.")
    ] = None,
    build_context: Annotated[
        Path | None, typer.Option("--build-context", "-b", help="A folder with a Dockerfile.", metavar="DIR")
    ] = None,
    dockerfile: Annotated[
        str | None, typer.Option("--dockerfile-path", "-d", help="The Dockerfile, from there [default: Dockerfile].")
    ] = None,
    set_values: SetOption = None,
    description: DescriptionOption = None,
    tags: TagsOption = None,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Register an environment."""
    options = {
        "name": name,
        "version": version,
        "image": image,
        "conda_file": str(conda_file.absolute()) if conda_file else None,
        "description": description,
    }
    document = document_from(file, set_values, options).with_texts("tags", pairs(tags, "--tags"))
    build = {"path": str(build_context.absolute()) if build_context else None, "dockerfile_path": dockerfile}
    document = document.with_texts("build", {key: value for key, value in build.items() if value})
    environment = read_environment(document)
    wanted = checked(environment.name or "", environment.version, "environment")
    with open_client(home) as client:
        with stages().stage(f"Registering the environment {wanted}"):
            registered = register_environment(client, environment)
        show(shown_environment(registered), output, query)


add_asset_commands(app, KIND)
