"""Flows as zip archives. Nothing of one that comes in is believed: neither its paths nor the sizes that it says."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import BinaryIO

from flowstead.errors import BadArgument, PayloadTooLarge
from flowstead.resources.flow import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, FlowFile, Tree, path_conflict
from flowstead.resources.upload_rules import path_problem

_END, _END_64 = b"PK\x05\x06", b"PK\x06\x07"
_END_BYTES, _LOCATOR_64_BYTES, _LONGEST_COMMENT = 22, 20, 65_535
_MAX_DIRECTORY_BYTES = 4 * 1024 * 1024
"""Of the list of entries: the library keeps some ten times that in memory."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK = 256 * 1024
LEFT_BY_TOOLS = frozenset({"__pycache__", "__MACOSX", ".git", ".promptflow", ".runs", ".DS_Store"})
"""Folders and files that tools leave behind and that belong to no flow."""
_DATE = (1980, 1, 1, 0, 0, 0)
"""The same for all files: equal flows make equal archives."""


def read_archive(archive: BinaryIO, keep: Callable[[bytes], FlowFile]) -> dict[str, FlowFile]:
    """The files of an archive. keep: puts the bytes of one into the store.

    A single folder around all of them is taken away. Raises BadArgument (no archive, paths that leave it, links,
    encryption) and PayloadTooLarge (too many, too large, also where the archive says something else)."""
    _check_directory(archive)
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = _entries(opened.infolist())
            return _read(opened, entries, keep)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error) as problem:
        raise _refused(f"it cannot be read: {problem}") from None


def write_archive(tree: Tree, read: Callable[[FlowFile], bytes], archive: BinaryIO) -> None:
    """The flow as an archive, its files at the top."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in sorted(tree):
            entry = zipfile.ZipInfo(path, _DATE)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            opened.writestr(entry, read(tree[path]))


def _check_directory(archive: BinaryIO) -> None:
    """Before the library reads the list of entries: how long it says it is, wherever it may look for its end."""
    size = archive.seek(0, 2)
    start = max(0, size - _END_BYTES - _LONGEST_COMMENT - _LOCATOR_64_BYTES)
    archive.seek(start)
    tail = archive.read()
    archive.seek(0)
    at = tail.find(_END)
    if at < 0:
        raise _refused("it is no zip archive")
    while at >= 0:
        if tail[at - _LOCATOR_64_BYTES : at].startswith(_END_64):
            raise PayloadTooLarge("The archive is a zip64, which a flow has no need of.")
        record = tail[at : at + _END_BYTES]
        if len(record) == _END_BYTES and int.from_bytes(record[12:16], "little") > _MAX_DIRECTORY_BYTES:
            raise PayloadTooLarge(f"The archive has too many files; a flow has at most {MAX_FILES}.")
        at = tail.find(_END, at + 1)


def _entries(listed: Sequence[zipfile.ZipInfo]) -> list[tuple[str, zipfile.ZipInfo]]:
    """(path in the flow, entry) of each file, checked."""
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in listed:
        path = entry.filename
        # The library cuts a name at its first NUL; as it was written it may say something else.
        for name in (entry.orig_filename, path):
            problem = path_problem(name.removesuffix("/"))
            if problem:
                raise _refused(f"the path {name[:80]!r} {problem}")
        _check_kind(entry)
        if entry.is_dir() or LEFT_BY_TOOLS.intersection(PurePosixPath(path).parts):
            continue
        if path in found:
            raise _refused(f"it has {path[:80]!r} twice")
        found[path] = entry
        if len(found) > MAX_FILES:
            raise PayloadTooLarge(f"The archive has too many files; a flow has at most {MAX_FILES}.")
    prefix = _common_folder(found)
    return [(path.removeprefix(prefix), entry) for path, entry in found.items()]


def _check_kind(entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _refused(f"{entry.filename[:80]!r} is neither a file nor a folder, perhaps a link")
    if entry.flag_bits & 0x1:
        raise _refused(f"{entry.filename[:80]!r} is encrypted")
    if entry.compress_type not in _METHODS:
        raise _refused(f"{entry.filename[:80]!r} is compressed by another method than deflate")


def _common_folder(paths: dict[str, zipfile.ZipInfo]) -> str:
    """`flow/` when all lies in there, else ""."""
    tops = {path.partition("/")[0] for path in paths}
    return f"{tops.pop()}/" if len(tops) == 1 and all("/" in path for path in paths) else ""


def _read(
    opened: zipfile.ZipFile, entries: Sequence[tuple[str, zipfile.ZipInfo]], keep: Callable[[bytes], FlowFile]
) -> dict[str, FlowFile]:
    if sum(entry.file_size for _, entry in entries) > MAX_BYTES:
        raise _too_large()
    tree: dict[str, FlowFile] = {}
    conflict = path_conflict({path: FlowFile("", 0) for path, _ in entries})
    if conflict:
        raise _refused(f"{conflict[:80]!r} is both a file and a folder")
    room = MAX_BYTES
    for path, entry in entries:
        data = b"".join(_pieces(opened, entry, path, room))
        room -= len(data)
        tree[path] = keep(data)
    return tree


def _pieces(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str, room: int) -> Iterator[bytes]:
    """The file's bytes, counted as they come."""
    taken = 0
    with opened.open(entry) as reader:
        while piece := reader.read(_CHUNK):
            taken += len(piece)
            if taken > MAX_FILE_BYTES:
                raise PayloadTooLarge(f"{path[:80]!r} has more than {MAX_FILE_BYTES >> 20} MiB.")
            if taken > room:
                raise _too_large()
            yield piece


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge(f"The archive holds more than {MAX_BYTES >> 20} MiB; a flow has at most that.")


def _refused(why: str) -> BadArgument:
    return BadArgument(f"The archive is refused: {why}.", hint="Send a zip archive of the flow's folder.")
