"""`flowstead flow …`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from flowstead.cli import flow_folders, flow_testing
from flowstead.cli.apps import (
    DescriptionOption,
    HomeOption,
    OutputOption,
    QueryOption,
    YesOption,
    confirm,
    resource_app,
)
from flowstead.cli.flow_sources import folder_of, packed
from flowstead.cli.opening import open_client
from flowstead.cli.output import show
from flowstead.cli.progress import stages
from flowstead.client.flows import names_in, unpack
from flowstead.errors import BadArgument, FlowInvalid
from flowstead.resources.flow import MAX_ARCHIVE_BYTES, FlowType
from flowstead.resources.flow_templates import template_files
from flowstead.resources.named_file import read_named, writing_named
from flowstead.resources.names import check_asset_name
from flowstead_runtime.errors import UserError
from flowstead_runtime.flow.includes import assembled
from flowstead_runtime.flow.problems import examine, is_secret_file

app = resource_app("Flows: their sources, made, checked, tried out.")
app.command("test")(flow_testing.test_flow)
app.command("folders")(flow_folders.list_folders)
app.command("import-folder")(flow_folders.import_folder)
NameArgument = Annotated[str, typer.Argument(help="The flow's name.", metavar="NAME")]
_PACK = "Name a .zip file. A folder is sent by: flowstead flow push FOLDER."
FlowArgument = Annotated[str, typer.Argument(help="A flow's folder, or the name of one.", metavar="FLOW")]


@app.command()
def init(
    name: NameArgument,
    template: Annotated[FlowType, typer.Option("--template", "-t", help="What it begins as.")] = FlowType.STANDARD,
    path: Annotated[Path | None, typer.Option("--path", "-p", help="Where to [default: a folder of its name].")] = None,
) -> None:
    """Write a new flow into a folder.

    It runs as it is; a chat asks an LLM as soon as it has a key."""
    check_asset_name(name, "flow")
    folder = path or Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadArgument(f"{folder} is there already.", hint="Name another folder with --path.")
    with writing_named(folder, "--path"):
        for relative, data in template_files(template.value).items():
            file = folder / relative
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    print(f"The flow is in {folder}. Try it: flowstead flow test {folder}", file=sys.stderr)


@app.command("list")
def list_all(home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """List the flows of the workspace."""
    with open_client(home) as client:
        show([_shown(each) for each in client.flows.all()], output, query)


@app.command("show")
def show_one(
    name: NameArgument, home: HomeOption = None, output: OutputOption = None, query: QueryOption = None
) -> None:
    """Show a flow, its files and its versions."""
    with open_client(home) as client:
        shown = _shown(client.flows.get(name))
        shown["files"] = [each["path"] for each in client.flows.files(name)]
        shown["versions"] = [
            {"version": each["name"], "note": each["properties"]["note"], "saved_at": each["systemData"]["createdAt"]}
            for each in client.flows.versions(name)
        ]
        show(shown, output, query)


@app.command()
def validate(flow: FlowArgument, home: HomeOption = None, output: OutputOption = None) -> None:
    """Say what is wrong with a flow, with file, line and column; nothing is run.

    A folder needs no server."""
    folder = folder_of(flow)
    if folder is None:
        with open_client(home) as client:
            found: list[dict[str, Any]] = client.flows.validate(flow)["problems"]
    else:
        found = _problems(folder)
    if output is not None:
        show(found, output)
    else:
        for each in found:
            print(_line(each))
    errors = sum(each["severity"] == "error" for each in found)
    if errors:
        raise FlowInvalid(f"{flow} has {errors} error{'s' if errors > 1 else ''}.", hint="Mend what is named above.")
    print(f"{flow} is valid.", file=sys.stderr)


@app.command()
def push(
    folder: Annotated[Path, typer.Argument(help="The flow's folder.", metavar="FOLDER")],
    name: Annotated[str, typer.Option("--name", "-n", help="Of the flow [default: the folder's].")] = "",
    description: DescriptionOption = None,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Make a folder's files those of a flow of the workspace.

    Its files of before stay as a version."""
    wanted = check_asset_name(name or folder.resolve().name, "flow")
    archive = packed(folder)
    for path in filter(is_secret_file, names_in(archive)):
        print(f"warning: {path} goes along; files of this name hold secrets. Use a connection.", file=sys.stderr)
    with open_client(home) as client:
        with stages().stage(f"Sending {folder} as the flow {wanted}"):
            pushed = client.flows.take_in(wanted, archive)
            if description is not None:
                pushed = client.flows.put(wanted, {"description": description})
        show(_shown(pushed), output, query)


@app.command("import")
def import_archive(
    archive: Annotated[Path, typer.Argument(help="A zip archive of a flow's folder.", metavar="FILE.zip")],
    name: Annotated[str, typer.Option("--name", "-n", help="Of the flow [default: the archive's].")] = "",
    merge: Annotated[bool, typer.Option("--merge", help="Keep files that the archive does not have.")] = False,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Make an archive's files those of a flow of the workspace."""
    data = read_named(archive, MAX_ARCHIVE_BYTES, option="FILE.zip", hint=_PACK)
    wanted = check_asset_name(name or archive.stem, "flow")
    with open_client(home) as client:
        show(_shown(client.flows.take_in(wanted, data, merge=merge)), output, query)


@app.command("export")
def export_flow(
    name: NameArgument,
    to: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .zip file or a folder [default: NAME.zip].")
    ] = None,
    version: Annotated[str, typer.Option("--version", "-v", help="[default: as it is now]")] = "",
    home: HomeOption = None,
) -> None:
    """Write a flow of the workspace into an archive or a folder."""
    target = to or Path(f"{name}.zip")
    with open_client(home) as client:
        data = client.flows.give_out(name, version)
    with writing_named(target, "--output"):
        if target.suffix == ".zip":
            target.write_bytes(data)
        else:
            unpack(data, target)
    print(f"The flow is in {target}.", file=sys.stderr)


@app.command()
def delete(name: NameArgument, yes: YesOption = False, home: HomeOption = None) -> None:
    """Delete a flow and its versions.

    What was deployed of it stays."""
    with open_client(home) as client:
        client.flows.get(name)
        confirm(f"Delete the flow {name}?", yes=yes)
        client.flows.delete(name)


def _problems(folder: Path) -> list[dict[str, Any]]:
    try:
        with assembled(folder) as whole:
            problems = examine(whole if whole.is_dir() else whole.parent).problems
    except UserError as problem:
        raise FlowInvalid(f"{folder}: {problem}") from None
    return [
        {
            "severity": "warning" if each.warning else "error",
            "code": each.reason.value,
            "message": each.message,
            "file": each.file,
            "line": each.line,
            "column": each.column,
        }
        for each in problems
    ]


def _line(problem: dict[str, Any]) -> str:
    """As compilers write it, so that editors find the place."""
    place = ":".join(str(problem[part]) for part in ("file", "line", "column") if problem[part])
    return f"{place}{': ' if place else ''}{problem['severity']}: {problem['message']} [{problem['code']}]"


def _shown(body: dict[str, Any]) -> dict[str, Any]:
    properties = body["properties"]
    return {
        "name": body["name"],
        "type": properties["type"],
        "version": properties["version"],
        "files": properties["files"],
        "description": properties["description"],
        "tags": properties["tags"],
        "modified_at": body["systemData"]["lastModifiedAt"],
        "id": body["id"],
    }
