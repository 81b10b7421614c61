"""What it costs that the supervisor watches an instance's memory where no control group does: its own processor time,
for a process that is small beside its limit, near it, and a family of them.

    python -m benchmarks.watchdog [--seconds 20] [--save]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine, report
from flowstead.limits.description import Limits
from flowstead.supervise import ProcessSpec, observe, start, stop

_LIMIT = 256 << 20
_THREADS = 20
_WORKER = """
    import os, sys, threading, time
    for _ in range(int(sys.argv[2])):
        if os.fork() == 0:
            break
    hoard = os.urandom(int(sys.argv[1]) << 20)
    for _ in range(int(sys.argv[3])):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    time.sleep(600)
"""
_SETTLE_S = 3.0


@dataclass(frozen=True)
class Point:
    """percent: of one core, that the supervisor took. watched: False for one that only keeps the process alive."""

    what: str
    watched: bool
    percent: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each is watched")
    parser.add_argument("--save", action="store_true", help="keep the figures in results/")
    options = parser.parse_args()
    about = machine.describe()
    report.say_where(about)
    report.say("process", "watched", "% of a core")
    points = []
    for what, mebibytes, children, watched in (
        ("small, 20 threads", 40, 0, False),
        ("small, 20 threads", 40, 0, True),
        ("near its limit, 20 threads", 180, 0, True),
        ("near its limit, 4 processes of 20 threads", 40, 3, True),
    ):
        percent = _measure(mebibytes, children, watched, options.seconds)
        points.append(Point(what, watched, percent))
        report.say(what, str(watched), f"{percent:.3f}")
    if options.save:
        report.keep(about, points, "watchdog")
    return 0


def _measure(mebibytes: int, children: int, watched: bool, seconds: float) -> float:
    with tempfile.TemporaryDirectory(prefix="fs-") as name:
        directory = Path(name) / "one"
        code = textwrap.dedent(_WORKER)
        spec = ProcessSpec(
            argv=(sys.executable, "-I", "-S", "-c", code, str(mebibytes), str(children), str(_THREADS)),
            environment={},
            working_directory=name,
            log=str(Path(name) / "log"),
            stop_grace_s=0.1,
            limits=Limits(_LIMIT, watched=True) if watched else None,
        )
        start(directory, spec)
        try:
            seen = observe(directory)
            if seen is None:
                raise RuntimeError(f"It did not start: {Path(spec.log).read_text()}")
            time.sleep(_SETTLE_S)
            before, began = _on_processor(seen.supervisor_pid), time.monotonic()
            time.sleep(seconds)
            return 100 * (_on_processor(seen.supervisor_pid) - before) / (time.monotonic() - began)
        finally:
            stop(directory)
            while observe(directory) is not None:
                time.sleep(0.05)


def _on_processor(pid: int) -> float:
    """Seconds, by the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


if __name__ == "__main__":
    sys.exit(main())
