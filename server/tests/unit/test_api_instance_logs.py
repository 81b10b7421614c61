from __future__ import annotations

import os
from pathlib import Path

from flowstead.api.instance_logs import LogFollower, last_lines, tail
from flowstead.rotating_log import RotatingLog


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


def follower(folder: Path, tail: int = 0, *, storage_initializer: bool = False) -> LogFollower:
    return LogFollower(folder, tail, storage_initializer=storage_initializer)


def test_whole_lines_are_followed_as_they_are_written(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("one\ntwo\nhal")
    logs = follower(tmp_path, 1)
    assert logs.look() == [("a", ["two"])]
    assert logs.look() == []
    with log.open("a") as file:
        file.write("f\n\nthree\nand")
    assert logs.look() == [("a", ["half", "", "three"])]
    with log.open("a") as file:
        file.write("\n\n")
    assert logs.look() == [("a", ["and", ""])]


def test_of_several_logs_the_one_written_last_comes_last(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "old", "oldest")):
        (tmp_path / f"{name}.log").write_text(f"{name} 1\n{name} 2\n")
        os.utime(tmp_path / f"{name}.log", (1000 - age, 1000 - age))
    assert follower(tmp_path, 3).look() == [("old", ["old 2"]), ("new", ["new 1", "new 2"])]
    assert follower(tmp_path, 0).look() == []


def test_a_log_that_is_new_or_begun_anew_is_followed_from_its_beginning(tmp_path: Path) -> None:
    logs = follower(tmp_path / "later")
    assert logs.look() == []
    (tmp_path / "later").mkdir()
    log = tmp_path / "later" / "a.log"
    log.write_text("first\nsecond\n")
    assert logs.look() == [("a", ["first", "second"])]
    log.write_text("anew\n")
    assert logs.look() == [("a", ["anew"])]
    log.unlink()
    assert logs.look() == []
    (tmp_path / "later" / "storage-initializer.log").write_text("build\n")
    assert logs.look() == []


def test_followed_links_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret\n")
    (tmp_path / "logs").mkdir()
    logs = follower(tmp_path / "logs")
    logs.look()
    (tmp_path / "logs" / "a.log").symlink_to(tmp_path / "secret")
    assert logs.look() == []


def test_a_line_without_end_is_not_kept_back_for_ever(tmp_path: Path) -> None:
    logs = follower(tmp_path)
    logs.look()
    (tmp_path / "a.log").write_text("x" * 5_000_000)
    [(_, lines)] = logs.look()
    assert len(lines) == 1
    assert logs.look() == []
    with (tmp_path / "a.log").open("a") as file:
        file.write("\n")
    [(_, [rest])] = logs.look()
    assert len(lines[0]) + len(rest) == 5_000_000


def _rotated(folder: Path, name: str, numbers: range) -> RotatingLog:
    """Ten bytes a line, three lines a file."""
    kept = RotatingLog(str(folder / f"{name}.log"), 30, 3)
    for number in numbers:
        kept.write(b"line %04d\n" % number)
    return kept


def test_a_log_that_was_turned_over_is_one_log(tmp_path: Path) -> None:
    _rotated(tmp_path, "a", range(8))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2"]
    assert tail(tmp_path, 4) == "line 0004\nline 0005\nline 0006\nline 0007\n"
    assert tail(tmp_path, 100).splitlines() == [f"line {number:04d}" for number in range(8)]


def test_no_line_is_missed_when_a_followed_log_is_turned_over(tmp_path: Path) -> None:
    kept = _rotated(tmp_path, "a", range(2))
    follower = LogFollower(tmp_path, 10, storage_initializer=False)
    seen: list[str] = [line for _, lines in follower.look() for line in lines]
    for number in range(2, 60):
        kept.write(b"line %04d\n" % number)
        if number % 4 == 0:
            for _ in range(3):  # what comes of one file at a look
                seen += [line for _, lines in follower.look() for line in lines]
    for _ in range(3):
        seen += [line for _, lines in follower.look() for line in lines]
    assert seen == [f"line {number:04d}" for number in range(60)]


def test_one_instance_s_log_alone(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.log").write_text(f"{name}\n")
    (tmp_path.parent / "c.log").write_text("c\n")
    assert tail(tmp_path, 5, instance="b") == "b\n"
    assert tail(tmp_path, 5, instance="../c") == ""
    follower = LogFollower(tmp_path, 5, storage_initializer=False, instance="a")
    assert follower.look() == [("a", ["a"])]
