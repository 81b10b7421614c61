"""What the commands of models, environments and data assets have in common: one description of a kind, all its verbs
but `create`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from flowstead.azure_yaml import Document, document_of, read_description
from flowstead.cli.apps import (
    DescriptionOption,
    FileOption,
    HomeOption,
    OutputOption,
    QueryOption,
    SetOption,
    TagsOption,
    YesOption,
    confirm,
)
from flowstead.cli.documents import document_from, overridden, pairs, wanted_name
from flowstead.cli.opening import open_client
from flowstead.cli.output import show
from flowstead.client import Assets, FlowsteadClient
from flowstead.errors import BadArgument
from flowstead.resources.named_file import writing_named
from flowstead.resources.names import check_asset_name, check_asset_version

Body = dict[str, Any]
NameOption = Annotated[str, typer.Option("--name", "-n", help="Its name.")]
OptionalName = Annotated[str | None, typer.Option("--name", "-n", help="Its name.")]
VersionOption = Annotated[str | None, typer.Option("--version", "-v", help="The version [default: the latest].")]
NewVersion = Annotated[str | None, typer.Option("--version", "-v", help="The version [default: the next].")]
LabelOption = Annotated[str | None, typer.Option("--label", "-l", help="latest: the newest version.")]


@dataclass(frozen=True)
class AssetKind:
    """noun, plural: as texts call it. collection: where the client has them. shown: a REST body as the YAML's keys.
    address: the property that says where its files are, "" when it has none."""

    noun: str
    plural: str
    collection: Callable[[FlowsteadClient], Assets]
    shown: Callable[[Body], Body]
    address: str = ""


def checked(name: str, version: str | None, noun: str) -> str:
    """The name, when both are acceptable. Raises InvalidName, and BadArgument for no name."""
    if version is not None:
        check_asset_version(version, noun)
    return check_asset_name(wanted_name(name, noun), noun)


def one_version(assets: Assets, name: str, version: str | None, label: str | None = None) -> Body:
    """The version that options name, the latest when they name none. Raises BadArgument, ResourceNotFound."""
    if label is not None and label != "latest":
        raise BadArgument(f"--label {label}: there is only latest.", hint="Name a --version, or --label latest.")
    if version is not None and label is not None:
        raise BadArgument("--version and --label exclude each other.", hint="Name one of them.")
    return assets.latest(name) if version is None else assets.get(name, version)


def add_asset_commands(app: typer.Typer, kind: AssetKind) -> None:
    """update, show, list, delete, archive, restore, and download where there are files."""

    def update(
        name: OptionalName = None,
        version: VersionOption = None,
        label: LabelOption = None,
        file: FileOption = None,
        set_values: SetOption = None,
        description: DescriptionOption = None,
        tags: TagsOption = None,
        home: HomeOption = None,
        output: OutputOption = None,
        query: QueryOption = None,
    ) -> None:
        if file is not None:
            document = document_from(file, set_values, {"name": name, "version": version, "description": description})
            name, version = _named(document, "name") or name, _named(document, "version") or version
        wanted = wanted_name(name or "", kind.noun)
        with open_client(home) as client:
            assets = kind.collection(client)
            body = one_version(assets, wanted, version, label)
            if file is None:
                said = {key: kind.shown(body).get(key) for key in ("description", "tags", "properties")}
                source = document_of(said, f"{wanted} {body['name']}")
                document = overridden(source, set_values, {"description": description})
            document = document.with_texts("tags", pairs(tags, "--tags"))
            changed = {**body["properties"], **read_description(document, whole=file is not None)}
            show(kind.shown(assets.put(wanted, str(body["name"]), changed)), output, query)

    def show_one(
        name: NameOption,
        version: VersionOption = None,
        label: LabelOption = None,
        home: HomeOption = None,
        output: OutputOption = None,
        query: QueryOption = None,
    ) -> None:
        with open_client(home) as client:
            show(kind.shown(one_version(kind.collection(client), name, version, label)), output, query)

    def list_all(
        name: Annotated[str | None, typer.Option("--name", "-n", help="List the versions of this one.")] = None,
        archived_only: Annotated[bool, typer.Option("--archived-only", help="List what is archived.")] = False,
        include_archived: Annotated[
            bool, typer.Option("--include-archived", help="List what is archived as well.")
        ] = False,
        home: HomeOption = None,
        output: OutputOption = None,
        query: QueryOption = None,
    ) -> None:
        view = "ArchivedOnly" if archived_only else "All" if include_archived else "ActiveOnly"
        with open_client(home) as client:
            assets = kind.collection(client)
            found = assets.versions(name, view) if name else assets.all(view)
            show([kind.shown(body) for body in found], output, query)

    def delete(
        name: NameOption,
        version: Annotated[str, typer.Option("--version", "-v", help="The version to delete.")],
        yes: YesOption = False,
        home: HomeOption = None,
    ) -> None:
        with open_client(home) as client:
            assets = kind.collection(client)
            assets.get(name, version)
            confirm(f"Delete version {version} of {name}?", yes=yes)
            assets.delete(name, version)

    def archive(
        name: NameOption,
        version: Annotated[str | None, typer.Option("--version", "-v", help="One version [default: all].")] = None,
        label: LabelOption = None,
        home: HomeOption = None,
    ) -> None:
        _archive(kind, home, name, version, label, True)

    def restore(
        name: NameOption,
        version: Annotated[str | None, typer.Option("--version", "-v", help="One version [default: all].")] = None,
        label: LabelOption = None,
        home: HomeOption = None,
    ) -> None:
        _archive(kind, home, name, version, label, False)

    def download(
        name: NameOption,
        version: VersionOption = None,
        label: LabelOption = None,
        path: Annotated[Path, typer.Option("--download-path", "-p", help="Where to [default: this folder].")] = Path(),
        home: HomeOption = None,
    ) -> None:
        with open_client(home) as client:
            found = one_version(kind.collection(client), name, version, label)
            with writing_named(path / name, "--download-path"):
                written = client.download(str(found["properties"][kind.address]), path / name)
        print(f"{len(written)} files are in {path / name}.", file=sys.stderr)

    noun = f"{'an' if kind.noun[0] in 'aeiou' else 'a'} {kind.noun}"
    for verb, command, about in (
        ("update", update, f"Change what is said of a version of {noun}.\n\nIts content never changes."),
        ("show", show_one, f"Show a version of {noun}."),
        ("list", list_all, f"List the {kind.plural}, or the versions of one."),
        ("delete", delete, f"Delete a version of {noun}.\n\nOne that is in use is refused."),
        ("archive", archive, f"Archive {noun}: lists leave it out.\n\nWhat uses it goes on."),
        ("restore", restore, f"Bring {noun} back from the archive."),
    ):
        app.command(verb, help=about)(command)
    if kind.address:
        about = f"Fetch the files of a version of {noun}.\n\nThey are written to a folder of its name."
        app.command("download", help=about)(download)


def _archive(
    kind: AssetKind, home: Path | None, name: str, version: str | None, label: str | None, archived: bool
) -> None:
    with open_client(home) as client:
        assets = kind.collection(client)
        if label is not None:
            version = str(one_version(assets, name, version, label)["name"])
        assets.archive(name, version, archived)


def _named(document: Document, key: str) -> str | None:
    entry = document.top.value.get(key) if isinstance(document.top.value, dict) else None
    return entry.text if entry else None
