from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowstead.rotating_log import RotatingLog, is_longer, turn_over


def _whole(log: Path) -> bytes:
    """Of all its files, the oldest first."""
    parts = sorted(log.parent.glob(log.name + ".*"), key=lambda each: -int(each.suffix[1:]))
    return b"".join(each.read_bytes() for each in (*parts, log))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=40).map(lambda each: each.replace(b"\xff", b"\n")), max_size=60))
def test_no_byte_is_lost_and_no_line_torn(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    log = tmp_path_factory.mktemp("log") / "a.log"
    kept = RotatingLog(str(log), 50, 10_000)
    for piece in pieces:
        kept.write(piece)
    kept.close()
    assert _whole(log) == b"".join(pieces)
    for part in log.parent.glob("a.log.*"):
        size = part.stat().st_size
        assert part.read_bytes().endswith(b"\n") or size >= 100
        assert size <= 140


def test_lines_are_kept_to_the_size_and_the_oldest_go(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    kept = RotatingLog(str(log), 100, 3)
    for number in range(100):
        kept.write(b"line %05d\n" % number)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2"]
    assert all(each.stat().st_size <= 100 for each in tmp_path.iterdir())
    # nine lines fit into each; the hundredth is the first of its file
    assert _whole(log).splitlines() == [b"line %05d" % number for number in range(81, 100)]
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_note_begins_a_line(tmp_path: Path) -> None:
    kept = RotatingLog(str(tmp_path / "a.log"), 1000, 2)
    kept.write(b"half a li")
    kept.note("said in between")
    kept.write(b"more\n")
    kept.note("and after")
    assert (tmp_path / "a.log").read_text() == "half a li\nsaid in between\nmore\nand after\n"


def test_what_cannot_be_written_is_counted_and_hinders_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = RotatingLog(str(tmp_path / "a.log"), 1000, 2)
    kept.write(b"one\n")
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    kept.write(b"two\nthree\n")
    monkeypatch.setattr(os, "write", write)
    kept.write(b"four\n")
    assert (tmp_path / "a.log").read_text() == (
        "one\n[supervisor] 2 lines could not be written: No space left on device.\nfour\n"
    )


def test_a_file_that_cannot_be_renamed_is_written_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = RotatingLog(str(tmp_path / "a.log"), 20, 2)

    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "rename", refuse)
    for _ in range(10):
        kept.write(b"a line\n")
    assert (tmp_path / "a.log").read_bytes() == b"a line\n" * 10


def test_a_device_is_never_renamed() -> None:
    kept = RotatingLog("/dev/null", 5, 2)
    kept.write(b"a longer line\n" * 3)
    assert not Path("/dev/null").is_file()
    assert not Path("/dev/null.1").exists()


def test_other_files_are_turned_over_by_name(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(b"12345")
    assert is_longer(str(log), 4)
    assert not is_longer(str(log), 5)
    assert not is_longer(str(tmp_path / "missing"), 0)
    turn_over(str(log), 3)
    turn_over(str(log), 3)
    assert [each.name for each in tmp_path.iterdir()] == ["access.log.2"]
