from __future__ import annotations

import os
from pathlib import Path

from flowstead.api.instance_logs import last_lines, tail


def test_the_last_lines_of_one_log(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("".join(f"line {n}\n" for n in range(10)))
    assert tail(tmp_path, 2) == "line 8\nline 9\n"
    assert tail(tmp_path, 100).startswith("line 0\n")


def test_several_logs_have_headings_and_the_newest_is_last(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "old")):
        (tmp_path / f"{name}.log").write_text(f"{name}\n")
        os.utime(tmp_path / f"{name}.log", (1000 - age, 1000 - age))
    assert tail(tmp_path, 5) == "==> old <==\nold\n\n==> new <==\nnew\n"


def test_the_storage_initializers_log_is_apart(tmp_path: Path) -> None:
    (tmp_path / "storage-initializer.log").write_text("resolved 3 packages\n")
    (tmp_path / "x.log").write_text("serving\n")
    assert tail(tmp_path, 5) == "serving\n"
    assert tail(tmp_path, 5, storage_initializer=True) == "resolved 3 packages\n"


def test_nothing_there_is_no_error(tmp_path: Path) -> None:
    assert tail(tmp_path / "gone", 5) == ""
    assert last_lines(tmp_path / "gone.log", 5) == ()


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret\n")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").symlink_to(tmp_path / "secret")
    assert tail(tmp_path / "logs", 5) == ""
    assert last_lines(tmp_path / "logs" / "a.log", 5) == ()


def test_bytes_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"\xff\xfe\n" + b"x" * (5 * 1024 * 1024) + b"\nend\n")
    assert tail(tmp_path, 1) == "end\n"


def test_no_more_lines_than_asked_for_come_of_all_logs_together(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "old", "older")):
        (tmp_path / f"{name}.log").write_text("".join(f"{name} {n}\n" for n in range(4)))
        os.utime(tmp_path / f"{name}.log", (1000 - age, 1000 - age))
    assert tail(tmp_path, 1) == "new 3\n"
    assert tail(tmp_path, 3) == "==> new <==\nnew 2\nnew 3\n"
    assert tail(tmp_path, 8) == "==> old <==\nold 3\n\n==> new <==\nnew 0\nnew 1\nnew 2\nnew 3\n"
    for count in range(1, 40):
        lines = tail(tmp_path, count).splitlines()
        assert len(lines) <= count
        assert lines[-1] == "new 3"
    assert tail(tmp_path, 40).count("==>") == 3
