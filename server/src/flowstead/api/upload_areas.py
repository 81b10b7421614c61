"""Where clients' uploads lie: each principal's apart, though all have one address. So nobody writes what another one
registers, and nobody's word that files are complete keeps another one's from being sent."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from flowstead.api.context import Context
from flowstead.api.datastores import area_of
from flowstead.api.upload_uris import is_collected, uploaded_at
from flowstead.errors import BadArgument
from flowstead.resources.datastore import CONTAINER
from flowstead.resources.principal import Principal
from flowstead.store.blob_listing import BlobPage, list_blobs
from flowstead.store.records import Kind
from flowstead.store.uploads import Blob


def folder_of(container: str, path: str, area: str) -> str:
    """The container on the disk for a path of a container as clients name it. area: of who asks, "" for none."""
    return area if area and container == CONTAINER and not is_collected(path) else container


def own_upload(here: Context, caller: Principal, container: str, path: str) -> Path:
    """Where the caller's own upload lies, whether it is there or not: what is registered. Raises BadArgument."""
    return here.uploads.locate(folder_of(container, path, area_of(caller)), path)


def open_blob(here: Context, container: str, path: str) -> tuple[Blob, BinaryIO] | None:
    """The file, or None. container: on the disk. What others have registered can be read at its address, as it was
    registered; nothing tells that its upload is complete."""
    opened = here.uploads.open(container, path)
    if opened is not None or container == CONTAINER:
        return opened
    below = _registered(here, path)
    return here.uploads.open(container, path, below) if below else None


def find_blob(here: Context, container: str, path: str) -> Blob | None:
    """The same without its bytes."""
    opened = open_blob(here, container, path)
    if opened is None:
        return None
    opened[1].close()
    return opened[0]


def blobs(here: Context, container: str, *, prefix: str, folders: bool, marker: str, count: int) -> BlobPage:
    """As `list_blobs`; where nothing of one's own begins so, what others have registered."""
    page = list_blobs(here.uploads, container, prefix=prefix, folders=folders, marker=marker, count=count)
    if page.items or container == CONTAINER:
        return page
    below = _registered(here, prefix.rstrip("/"))
    if below is None:
        return page
    return list_blobs(here.uploads, container, prefix=prefix, folders=folders, marker=marker, count=count, below=below)


def _registered(here: Context, path: str) -> tuple[Path, str] | None:
    """The folder of the content whose address this is or begins, and what its files' names begin with. None when there
    is none, or when versions with other content have the same address: nobody can tell which is meant."""
    with here.store.reading() as tx:
        said = {(each.spec.uri, each.spec.content_hash) for each in tx.list(Kind.MODEL_VERSION)}
        said |= {(each.spec.uri, each.spec.content_hash) for each in tx.list(Kind.DATA_VERSION)}
    found = set()
    for uri, content_hash in said:
        try:
            container, place = uploaded_at(uri, here.workspace)
        except BadArgument:
            continue  # it lies elsewhere
        if content_hash and container == CONTAINER and f"{path}/".startswith(f"{place}/"):
            found.add((content_hash, place))
    if len(found) != 1:
        return None
    content_hash, place = found.pop()
    folder, (above, _, name) = here.contents.locate(content_hash), place.rpartition("/")
    is_file = [each.name for each in folder.iterdir()] == [name] if folder.is_dir() else False
    return folder, f"{above if is_file else place}/"
