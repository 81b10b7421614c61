"""The home's lock, between processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flowstead.errors import HomeInUse, HomeNotWritable
from flowstead.launch.lock import Holder, HomeLock, find_holder
from flowstead.resources.home import Home

_HOLD = """
import sys, time
from pathlib import Path
from flowstead.launch.lock import HomeLock, Holder
from flowstead.resources.home import Home
import os
lock = HomeLock.take(Home(Path(sys.argv[1])))
lock.name(Holder(os.getpid(), "http://127.0.0.1:1", 5.0))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_lock_names_who_holds_it_and_goes_with_its_process(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert find_holder(home) is None
    HomeLock.take(home).release()
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(home.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert find_holder(home) == Holder(process.pid, "http://127.0.0.1:1", 5.0)
        with pytest.raises(HomeInUse, match=rf"process {process.pid}, http://127\.0\.0\.1:1") as caught:
            HomeLock.take(home)
        assert str(home.root) in caught.value.message
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert find_holder(home) is None
    with HomeLock.take(home):
        holder = find_holder(home)
        assert holder is None or holder.pid in (0, process.pid)


def test_looking_does_not_take_the_lock_away(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with HomeLock.take(home) as lock:
        lock.name(Holder(1, "u", 0.0))
        assert [find_holder(home) for _ in range(3)] == [Holder(1, "u", 0.0)] * 3
    assert find_holder(home) is None


def test_a_home_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeNotWritable, match="Cannot write"):
        HomeLock.take(Home(tmp_path / "file" / "home"))
