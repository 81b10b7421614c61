"""When a build is over, whatever its packages do to go on."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from flowstead.confine.abilities import Abilities
from flowstead.environments.protocol import Building, Built, EnvironmentRequest, EnvironmentState
from flowstead.environments.room import Room, remove
from flowstead.environments.slots import BuildCancelled
from flowstead.environments.uv_command import Uv, UvFailed
from flowstead.environments.uv_environments import FORGOTTEN_AFTER_S, UvEnvironments
from flowstead.resources.home import Home
from flowstead.testing.frozen_clock import FrozenClock

SHELL = ("/bin/sh", "-c")


def make_uv(tmp_path: Path, *, is_wanted: Callable[[], bool] = lambda: True) -> Uv:
    """Runs what it is told without any confinement."""
    none = Path("/nowhere")
    room = Room(Abilities(), none, none, tmp_path / "venv", tmp_path / "scratch", (), tmp_path / "cache", ())
    null = os.open(os.devnull, os.O_RDONLY)
    return Uv(room=room, log=io.StringIO(), secrets=("hunter2-hunter2",), hidden=none, held=null, is_wanted=is_wanted)


def logged(uv: Uv) -> str:
    assert isinstance(uv.log, io.StringIO)
    return uv.log.getvalue()


def test_it_is_over_when_the_command_has_ended_whoever_holds_its_output(tmp_path: Path) -> None:
    uv, begun = make_uv(tmp_path), time.monotonic()
    pid = int(uv.execute(*SHELL, "sleep 600 & echo $!"))
    assert time.monotonic() - begun < 60.0
    wait_for(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_nor_does_one_in_a_session_of_its_own_hold_it_up(tmp_path: Path) -> None:
    uv = make_uv(tmp_path)
    begun = time.monotonic()
    assert uv.execute(*SHELL, "setsid sleep 20 & echo said").strip() == "said"
    assert time.monotonic() - begun < 15.0


def test_one_that_shall_leave_nothing_takes_along_whoever_is_in_a_session_of_its_own(tmp_path: Path) -> None:
    said = tmp_path / "pid"
    uv = replace(make_uv(tmp_path, is_wanted=lambda: not said.exists()), leaves_nothing=True)
    step = f"(setsid sh -c 'echo $$ > {said}.new; mv {said}.new {said}; exec sleep 600' &)"
    with pytest.raises(BuildCancelled):
        uv.execute(*SHELL, f"{step}; exec sleep 600")
    assert not psutil.pid_exists(int(said.read_text()))


@pytest.mark.parametrize("words", ["exit 3", "kill -KILL $$"])
def test_one_that_shall_leave_nothing_ends_as_its_command_has(tmp_path: Path, words: str) -> None:
    uv = replace(make_uv(tmp_path), leaves_nothing=True)
    assert uv.execute(*SHELL, "echo said") == "said"
    with pytest.raises(UvFailed, match="the cause"):
        uv.execute(*SHELL, f"echo the cause; {words}")


def test_a_command_that_closes_its_output_is_waited_for(tmp_path: Path) -> None:
    done = tmp_path / "done"
    assert make_uv(tmp_path).execute(*SHELL, f"echo said; exec >&- 2>&-; sleep 0.5; touch {done}") == "said"
    assert done.exists()


def test_of_much_that_is_said_the_end_is_kept(tmp_path: Path) -> None:
    uv = make_uv(tmp_path)
    with pytest.raises(UvFailed) as failure:
        uv.execute(*SHELL, "yes 'a line that is said again and again' | head -c 20000000; echo the cause; exit 1")
    assert failure.value.output.endswith("the cause")
    assert len(failure.value.output) < 300_000
    assert len(logged(uv)) < 9_000_000


def test_a_line_that_is_too_long_is_left_out_with_the_secrets_in_it(tmp_path: Path) -> None:
    uv = make_uv(tmp_path)
    command = "echo before; head -c 65530 /dev/zero | tr '\\0' x; printf hunter2-; sleep 0.1; echo hunter2; echo after"
    said = uv.execute(*SHELL, command)
    assert said.splitlines() == ["before", "(A line that is too long to be kept was here.)", "after"]
    assert "hunter2" not in logged(uv)


def test_a_command_that_is_not_wanted_any_more_is_ended(tmp_path: Path) -> None:
    answers = iter([True, True])
    uv = make_uv(tmp_path, is_wanted=lambda: next(answers, False))
    begun = time.monotonic()
    with pytest.raises(BuildCancelled):
        uv.execute(*SHELL, "sleep 600")
    assert time.monotonic() - begun < 60.0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    (tmp_path / "links").mkdir()
    monkeypatch.setenv("UV_FIND_LINKS", f"{tmp_path / 'links'},{os.environ.get('PIP_FIND_LINKS', '')}")
    return home


def write_sdist(home: Home, name: str, build: str) -> EnvironmentRequest:
    """build: what its `build_wheel` does."""
    links = home.root.parent / "links"
    source = links / f"{name}-1.0"
    source.mkdir()
    (source / "PKG-INFO").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        f'[project]\nname = "{name}"\nversion = "1.0"\n'
    )
    packs = f"""
import os, subprocess, time, zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    {build}
    name = "{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        about = "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n"
        wheel = "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        for file, text in (("METADATA", about), ("WHEEL", wheel), ("RECORD", "")):
            archive.writestr("{name}-1.0.dist-info/" + file, text)
    return name
"""
    (source / "backend.py").write_text(packs)
    with tarfile.open(links / f"{name}-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, arcname=source.name)
    return EnvironmentRequest(f"{name}==1.0\n")


def wait_for(come_about: Callable[[], bool], within_s: float = 120.0) -> None:
    deadline = time.monotonic() + within_s
    while not come_about():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def built(environments: UvEnvironments, request: EnvironmentRequest) -> EnvironmentState:
    wait_for(lambda: not isinstance(environments.ensure(request), Building))
    return environments.ensure(request)


def works(environments: UvEnvironments, request: EnvironmentRequest) -> bool:
    """Its second way has begun: the one with code of packages."""
    return bool(list(environments.log(request).parent.glob(".work-*/source")))


def test_packages_that_take_their_time_hold_up_only_their_like_and_end_when_nobody_wants_them(home: Home) -> None:
    clock = FrozenClock()
    environments = UvEnvironments(home, clock=clock)
    try:
        slow = [write_sdist(home, f"slowpackage{number}", "time.sleep(600)") for number in range(3)]
        for each in slow:
            environments.ensure(each)
        wait_for(lambda: sum(works(environments, each) for each in slow) == 2)
        assert isinstance(built(environments, EnvironmentRequest()), Built)
        clock.advance(FORGOTTEN_AFTER_S)
        wait_for(lambda: not list(home.environments.glob("*/.work-*")))
        assert list(home.environments.glob("*/failed.json")) == []
        # One that is wanted again is begun again.
        wait_for(lambda: isinstance(environments.ensure(slow[0]), Building) and works(environments, slow[0]))
    finally:
        environments.close()


def test_folders_in_folders_neither_fail_a_build_nor_stay(home: Home) -> None:
    environments = UvEnvironments(home)
    try:
        request = EnvironmentRequest("deeppackage==1.0\n")
        venv = environments.log(request).parent / "venv"
        dig = f"""for top in (os.environ["TMPDIR"], {str(venv)!r}):
        here = os.open(top, os.O_RDONLY)
        for _ in range(3000):
            os.mkdir("folder", dir_fd=here)
            here, above = os.open("folder", os.O_RDONLY, dir_fd=here), here
            os.close(above)
        os.close(here)"""
        write_sdist(home, "deeppackage", dig)
        state = built(environments, request)
        assert isinstance(state, Built), state
        assert not list(venv.parent.glob(".work-*"))
        remove(venv.parent)
        assert not venv.parent.exists()
    finally:
        environments.close()
        remove(home.environments)  # pytest's own removal goes no deeper than Python calls
