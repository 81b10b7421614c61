"""`flowstead flow folders` and `flow import-folder`: flows that lie in a directory of the server's machine."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from flowstead.cli.apps import HomeOption, OutputOption, QueryOption
from flowstead.cli.opening import open_client
from flowstead.cli.output import show


def list_folders(home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """List the folders of flows in the directory that the server was told of, and what is new in them.

    The directory is named by `flowstead up --flow-directory DIR`."""
    with open_client(home) as client:
        found = client.flows.folders()
    if found["directory"] is None:
        print("The server watches no directory. Name one: flowstead up --flow-directory DIR.", file=sys.stderr)
    show(found["value"], output, query)


def import_folder(
    folder: Annotated[str, typer.Argument(help="A folder in the server's directory of flows.", metavar="FOLDER")],
    name: Annotated[str, typer.Option("--name", "-n", help="Of the flow [default: the folder's].")] = "",
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Make a folder's files those of a flow of the workspace.

    Its files of before stay as a version."""
    with open_client(home) as client:
        taken = client.flows.take_in_folder(folder, name)
    show(
        {"name": taken["name"], "version": taken["properties"]["version"], "files": taken["properties"]["files"]},
        output,
        query,
    )
