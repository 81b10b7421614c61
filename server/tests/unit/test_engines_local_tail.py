"""The end of a log file, as errors hold it."""

from __future__ import annotations

from pathlib import Path

from flowstead.engines.local.tail import last_lines


def test_the_last_lines_of_a_file(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"{number}\n" for number in range(100)))
    assert last_lines(log, 2) == ("98", "99")
    assert last_lines(log, 0) == last_lines(tmp_path / "none.log", 5) == ()


def test_a_long_line_is_cut(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("q" * 600 + "\nend\n")
    assert last_lines(log, 5) == ("q" * 500 + "… (100 more characters)", "end")
    log.write_text("q" * 1_000_000)
    assert len(last_lines(log, 30)[0]) < 600
