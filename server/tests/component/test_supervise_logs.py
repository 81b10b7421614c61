"""What a process writes is kept in files of bounded size."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil
import pytest

from flowstead.supervise import start
from server.tests.component.supervised import (
    PATIENCE_S,
    eventually,
    run_folder,
    seen_in,
    specification,
    supervised_directory,
)
from tests.installation import FULL

run = pytest.fixture(run_folder)
directory = pytest.fixture(supervised_directory)


LOG_LINES = 100_000 if FULL else 5_000


def test_its_log_is_kept_in_files_of_bounded_size_and_loses_no_line(run: Path, directory: Path) -> None:
    """Three writers, ten thousand lines a second."""
    code = """
        import os, time
        began = time.monotonic()
        for name in "ab":
            if os.fork() == 0:
                break
        else:
            name = "c"
        for number in range(LINES):
            os.write(1, b"%s %08d %s\\n" % (name.encode(), number, b"x" * (number % 90)))
            if number % 100 == 0:
                time.sleep(max(0, began + number * 3 / 10_000 - time.monotonic()))
        os.write(1, b"%s took %.1f s\\n" % (name.encode(), time.monotonic() - began))
        open(f"RUN/{name}-is-done", "w").close()
        time.sleep(600)
    """.replace("LINES", str(LOG_LINES)).replace("RUN", str(run))
    start(directory, specification(run, code, log_bytes=100_000, log_files=10_000))
    supervisor = psutil.Process(seen_in(directory).supervisor_pid)

    def files() -> list[Path]:
        return sorted(run.glob("log*"), key=lambda each: -int(each.suffix[1:] or 0))

    def text() -> str:
        with contextlib.suppress(FileNotFoundError):  # it has just become an older one
            return "".join(each.read_text() for each in files())
        return ""

    paced_s = 3 * LOG_LINES / 10_000
    eventually(lambda: len(list(run.glob("*-is-done"))) == 3 or None, within=PATIENCE_S + 3 * paced_s)
    eventually(lambda: all(f"{name} took" in so_far for so_far in [text()] for name in "abc"))
    used = supervisor.cpu_times()
    print(f"{3 * LOG_LINES} lines in {len(files())} files; the supervisor used {used.user + used.system:.2f} s")
    lines = text().splitlines()
    for name in "abc":
        own = [line.split()[1] for line in lines if line.startswith(name) and "took" not in line]
        assert own == [f"{number:08d}" for number in range(LOG_LINES)]
        print(next(line for line in lines if line.startswith(f"{name} took")))
    assert all(each.stat().st_size <= 100_000 for each in files())


def test_logs_that_it_writes_itself_are_turned_over_and_opened_again(
    run: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
        import os, signal, time
        def write(text):
            with open("own.log", "a") as file:
                file.write(text)
        signal.signal(signal.SIGUSR1, lambda *_: write("opened again"))
        write("x" * 2000)
        while True:
            signal.pause()
    """
    start(directory, specification(run, code, own_logs=(str(run / "own.log"),), log_bytes=1000))
    eventually(lambda: (run / "own.log.1").exists() and (run / "own.log").exists())
    assert (run / "own.log.1").read_text() == "x" * 2000
    eventually(lambda: (run / "own.log").read_text() == "opened again")
