"""Zip archives of flows: what is taken from one, and what is refused, whatever it says of itself."""

from __future__ import annotations

import hashlib
import io
import stat
import struct
import zipfile
from collections.abc import Callable

import pytest

from flowstead.errors import BadArgument, FlowsteadError, PayloadTooLarge
from flowstead.resources import flow as bounds
from flowstead.resources.flow import FlowFile
from flowstead.store import archives
from flowstead.store.archives import read_archive, write_archive


class Kept:
    """What was put into the store, by hash."""

    def __init__(self) -> None:
        self.bytes: dict[str, bytes] = {}

    def put(self, data: bytes) -> FlowFile:
        file = FlowFile(hashlib.sha256(data).hexdigest(), len(data))
        self.bytes[file.hash] = data
        return file

    def get(self, file: FlowFile) -> bytes:
        return self.bytes[file.hash]


def archive(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as opened:
        for name, data in entries:
            opened.writestr(name, data)
    return made


def read(made: io.BytesIO) -> dict[str, bytes]:
    kept = Kept()
    return {path: kept.get(file) for path, file in read_archive(made, kept.put).items()}


def refusal(made: io.BytesIO) -> FlowsteadError:
    with pytest.raises(FlowsteadError) as caught:
        read(made)
    return caught.value


def test_what_is_written_is_read_again() -> None:
    kept, made = Kept(), io.BytesIO()
    tree = {"flow.dag.yaml": kept.put(b"nodes: []"), "sub/a.py": kept.put(b""), "ü.txt": kept.put(b"\0" * 1000)}
    write_archive(tree, kept.get, made)
    assert read_archive(made, kept.put) == tree
    again = io.BytesIO()
    write_archive(dict(reversed(tree.items())), kept.get, again)
    assert again.getvalue() == made.getvalue()


def test_a_folder_around_all_is_taken_away() -> None:
    made = archive(("flow/", b""), ("flow/flow.dag.yaml", b"a"), ("flow/sub/b.py", b"b"))
    assert read(made) == {"flow.dag.yaml": b"a", "sub/b.py": b"b"}


def test_what_tools_leave_behind_is_left_out() -> None:
    made = archive(("a.py", b"a"), ("__pycache__/a.pyc", b"x"), ("__MACOSX/a.py", b"x"), (".git/config", b"x"))
    assert read(made) == {"a.py": b"a"}


def test_an_empty_archive_is_an_empty_flow() -> None:
    assert read(archive()) == {}


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../../b", "a\\..\\b", "a//b", "a/./b", "\x01", "x" * 300])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    assert isinstance(refusal(archive((path, b"x"))), BadArgument)


def test_links_and_devices_are_refused() -> None:
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR):
        entry = zipfile.ZipInfo("innocent")
        entry.external_attr = (kind | 0o777) << 16
        assert "neither a file nor a folder" in str(refusal(archive((entry, b"/etc/passwd"))))


def test_a_name_that_goes_on_after_a_nul_is_refused() -> None:
    """The library would read it up to there: `a.py`, where another program sees something else."""
    raw = archive(("a.pyXb.txt", b"1")).getvalue()
    made = io.BytesIO(raw.replace(b"a.pyXb.txt", b"a.py\0b.txt"))
    assert "a character that is not allowed" in str(refusal(made))


def test_the_same_path_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        made = archive(("a", b"1"), ("a", b"2"))
    assert "twice" in str(refusal(made))


def test_a_file_that_is_also_a_folder_is_refused() -> None:
    assert "both a file and a folder" in str(refusal(archive(("top", b""), ("a", b"1"), ("a/b", b"2"))))


def test_other_methods_and_encryption_are_refused() -> None:
    assert "another method" in str(refusal(archive(("a", b"1"), method=zipfile.ZIP_LZMA)))
    made = archive(("a", b"1"))
    raw = bytearray(made.getvalue())
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 8] |= 1
    assert "encrypted" in str(refusal(io.BytesIO(bytes(raw))))


@pytest.mark.parametrize(
    "spoil",
    [lambda raw: b"", lambda raw: b"no zip", lambda raw: raw[:-30], lambda raw: raw.replace(b"hello", b"jello")],
)
def test_what_is_broken_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    raw = archive(("a", b"hello"), method=zipfile.ZIP_STORED).getvalue()
    assert isinstance(refusal(io.BytesIO(spoil(raw))), BadArgument)


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    made = archive(*((f"{n}.bin", b"\0" * bounds.MAX_FILE_BYTES) for n in range(9)))
    assert len(made.getvalue()) < 1_000_000
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("unpacked"))
    assert isinstance(refusal(made), PayloadTooLarge)


def test_a_bomb_that_lies_about_its_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_FILE_BYTES", 1_000_000)
    raw = bytearray(archive(("a", b"\0" * 5_000_000)).getvalue())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = raw.index(signature) + offset
        raw[at : at + 4] = struct.pack("<I", 10)
    assert isinstance(refusal(io.BytesIO(bytes(raw))), BadArgument | PayloadTooLarge)


def test_one_file_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_FILE_BYTES", 1000)
    assert "has more than" in str(refusal(archive(("a", b"\0" * 1001))))


def test_too_many_files() -> None:
    made = archive(*((f"{n}", b"") for n in range(bounds.MAX_FILES + 1)))
    assert isinstance(refusal(made), PayloadTooLarge)


def test_a_list_of_entries_that_is_too_long_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    made = archive(*(("x" * 200 + str(n), b"") for n in range(20_000)))
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("read"))
    assert isinstance(refusal(made), PayloadTooLarge)


def test_a_zip64_is_refused() -> None:
    raw = archive(("a", b"1")).getvalue()
    at = raw.rindex(b"PK\x05\x06")
    made = io.BytesIO(raw[:at] + b"PK\x06\x07" + b"\0" * 16 + raw[at:])
    assert isinstance(refusal(made), PayloadTooLarge)
