"""What was uploaded, on its way back: the files below a place, into a folder of this machine."""

from __future__ import annotations

import os
import re
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, quote

from flowstead.client.failures import failure_of
from flowstead.client.session import Session
from flowstead.client.uploads import datastore
from flowstead.errors import BadArgument, CommandFailed, ServerUnreachable
from flowstead.resources.upload_rules import path_problem

_PATHS = re.compile(r"azureml://(?:.+/)?datastores/[^/]+/paths/(?P<path>.+)", re.I)


def download(session: Session, uri: str, folder: Path) -> list[Path]:
    """Write the files that a version's `modelUri` or `dataUri` names below the folder, which may exist; returns them.

    Nothing is written outside of the folder, whatever names the server gives, and nothing at all when the disk has no
    room for it: what code of a flow has written may be of any size. Raises BadArgument for a file that exists already,
    CommandFailed."""
    match = _PATHS.fullmatch(uri)
    if match is None:
        raise CommandFailed(f"{uri!r} is not in the workspace's datastore.", hint="Fetch it from where it lies.")
    store = datastore(session)
    place = match["path"].rstrip("/")
    written: list[Path] = []
    found = dict(_found(session, store.root, store.signature, place))
    _demand_room(folder, sum(found.values()))
    for name in found:
        target = _inside(folder, name.removeprefix(place).removeprefix("/") or place.rpartition("/")[2])
        _fetch(session, f"{store.root}/{quote(name)}", store.signature, target)
        written.append(target)
    if not written:
        raise CommandFailed(f"There are no files at {uri!r}.", hint="Register it again.")
    return written


def _found(session: Session, root: str, signature: str, place: str) -> Iterator[tuple[str, int]]:
    """Names and bytes of the blobs at the place and below it, page by page."""
    query = {**dict(parse_qsl(signature)), "restype": "container", "comp": "list", "prefix": place}
    while True:
        answer = session.send("GET", root, params=query)
        if answer.is_error:
            raise failure_of(answer)
        listing = ElementTree.fromstring(answer.content)  # noqa: S314  expat takes no external entities, bounds others
        for element in listing.iter("Blob"):
            name = element.findtext("Name") or ""
            if name == place or name.startswith(f"{place}/"):
                yield name, int(element.findtext("Properties/Content-Length") or 0)
        marker = listing.findtext("NextMarker")
        if not marker:
            return
        query["marker"] = marker


def _demand_room(folder: Path, size: int) -> None:
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.is_dir())
    disk = shutil.disk_usage(there)
    if disk.total and size > disk.free:
        raise CommandFailed(
            f"The files have {size} bytes together; {there} has room for {disk.free}.",
            hint="Name another --download-path.",
        )


def _inside(folder: Path, name: str) -> Path:
    problem = path_problem(name)
    target = folder.joinpath(*name.split("/"))
    if problem or not target.resolve().is_relative_to(folder.resolve()):
        raise ServerUnreachable(f"The server names a file {name!r} that would lie outside of {folder}.")
    return target


def _fetch(session: Session, path: str, signature: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    except FileExistsError:
        raise BadArgument(f"{target} is there already.", hint="Name another --download-path.") from None
    with os.fdopen(descriptor, "wb") as file:
        try:
            session.stream_to(path, file.write, dict(parse_qsl(signature)))
        except BaseException:
            target.unlink()
            raise
