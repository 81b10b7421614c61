"""Environments built by the real uv. Packages come from the host's index or from uv's cache."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowstead.environments.interpreters import found_by_uv
from flowstead.environments.protocol import BuildFailed, Building, Built, EnvironmentRequest, EnvironmentState
from flowstead.environments.uv_environments import UvEnvironments
from flowstead.resources.home import Home

DEFAULT = EnvironmentRequest()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    home.create()
    return home


@pytest.fixture
def environments(home: Home) -> Iterator[UvEnvironments]:
    environments = UvEnvironments(home)
    yield environments
    environments.close()


def built(environments: UvEnvironments, request: EnvironmentRequest, *, retry_failed: bool = False) -> EnvironmentState:
    state = environments.ensure(request, retry_failed=retry_failed)
    deadline = time.monotonic() + 120.0
    while isinstance(state, Building):
        assert time.monotonic() < deadline, state.log.read_text()
        time.sleep(0.02)
        state = environments.ensure(request)
    return state


def python_of(state: EnvironmentState) -> Path:
    assert isinstance(state, Built), state
    return state.python


def run(python: Path, code: str) -> str:
    return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True, env={}).stdout.strip()


def failure_of(state: EnvironmentState) -> BuildFailed:
    assert isinstance(state, BuildFailed), state
    return state


def test_the_default_environment_has_the_runtime_and_its_locked_packages(
    environments: UvEnvironments, home: Home
) -> None:
    python = python_of(built(environments, DEFAULT))
    assert python.is_relative_to(home.environments)
    code = (
        "import flowstead_runtime, openai, sys, json\n"
        "from importlib.metadata import version\n"
        "print(json.dumps([flowstead_runtime.__file__, version('openai'), sys.prefix]))"
    )
    file, openai_version, prefix = json.loads(run(python, code))
    assert Path(file).is_relative_to(home.environments)
    assert Path(prefix).is_relative_to(home.environments)
    lock = (Path(file).with_name("provided.txt")).read_text()
    assert f"openai=={openai_version} " in lock
    assert list(Path(file).parent.glob("__pycache__/*.pyc"))


def test_it_is_built_once_and_found_again_by_the_next_server(environments: UvEnvironments, home: Home) -> None:
    python = python_of(built(environments, DEFAULT))
    assert environments.ensure(DEFAULT) == Built(python, python.parents[2] / "build.log")
    later = UvEnvironments(home)
    assert isinstance(later.ensure(DEFAULT), Built)
    later.close()


def test_the_flow_s_pins_win_and_the_rest_stays_as_locked(environments: UvEnvironments) -> None:
    request = EnvironmentRequest("promptflow[azure]==1.0\nclick==8.1.7\ntabulate\n")
    python = python_of(built(environments, request))
    code = "from importlib.metadata import version as v; print(v('click'), v('jinja2'), bool(v('tabulate')))"
    assert run(python, code).split() == ["8.1.7", lock_version(python, "jinja2"), "True"]
    names = run(python, "from importlib.metadata import distributions as d; print([x.name for x in d()])")
    assert "promptflow" not in names


def lock_version(python: Path, package: str) -> str:
    lock = next(python.parents[1].rglob("flowstead_runtime/provided.txt")).read_text()
    return next(line for line in lock.splitlines() if line.startswith(f"{package}==")).split("==")[1].split()[0]


def test_what_cannot_be_resolved_is_told_by_uv_and_remembered(environments: UvEnvironments, home: Home) -> None:
    request = EnvironmentRequest("tabulate==99.99\n")
    failure = failure_of(built(environments, request))
    assert "tabulate==99.99" in failure.output
    place = home.environments / environments.key(request)
    assert "tabulate==99.99" in (place / "build.log").read_text()
    assert not (place / "venv").exists()
    later = UvEnvironments(home)
    assert later.ensure(request) == failure
    assert isinstance(later.ensure(request, retry_failed=True), Building)
    assert failure_of(built(later, request)) == failure
    later.close()


def test_lines_of_the_environment_come_before_the_flow_s(environments: UvEnvironments) -> None:
    failure = failure_of(built(environments, EnvironmentRequest("tabulate==0.9.0\n", base="tabulate==0.8.10\n")))
    assert "tabulate==0.8.10" in failure.output
    assert "tabulate==0.9.0" in failure.output
    failure = failure_of(built(environments, EnvironmentRequest("-e ./lib\n", base="tabulate\nclick\n")))
    assert failure.message.startswith("Line 1 of requirements.txt, `-e ./lib`, is refused")
    python = python_of(built(environments, EnvironmentRequest("click\n", base="tabulate==0.9.0\n")))
    assert run(python, "import click; from importlib.metadata import version as v; print(v('tabulate'))") == "0.9.0"


def test_the_log_tells_what_was_asked_for_without_credentials(environments: UvEnvironments, home: Home) -> None:
    request = EnvironmentRequest(
        "click\n--extra-index-url https://me:hunter2hunter2@127.0.0.1:9/s\n", base="tabulate==0\n", python="==3.9.*"
    )
    failure_of(built(environments, request))
    log = (home.environments / environments.key(request) / "build.log").read_text()
    assert "Asked for by the environment:\n    tabulate==0\nAsked for by requirements.txt:\n    click\n" in log
    assert " (asked for: 3.9), runtime flowstead_runtime-" in log
    assert "***@127.0.0.1:9/s" in log
    assert "hunter2" not in log


def test_an_environment_has_the_python_that_is_asked_for(environments: UvEnvironments, home: Home) -> None:
    own = environments.key(DEFAULT)
    assert environments.key(EnvironmentRequest(python=f"=={'.'.join(platform.python_version_tuple()[:2])}.*")) == own
    assert environments.key(EnvironmentRequest(python="==3.9.*")) == own, "older than the runtime's"
    failure = failure_of(environments.ensure(EnvironmentRequest(python="==3.39.*")))
    assert failure.message.startswith("The environment asks for Python 3.39; this machine has ")
    assert platform.python_version() in failure.message
    others = [each for each in found_by_uv(home.package_cache, ">=3.11") if each.version != platform.python_version()]
    for other in others[:1]:
        python = python_of(built(environments, EnvironmentRequest(python=f"=={other.version}")))
        assert run(python, "import flowstead_runtime, platform; print(platform.python_version())") == other.version


def test_a_refused_line_is_named(environments: UvEnvironments) -> None:
    failure = failure_of(built(environments, EnvironmentRequest("tabulate\n-e ./lib\n")))
    assert failure.message.startswith("Line 2 of requirements.txt, `-e ./lib`, is refused")


def test_a_wrong_hash_is_refused_and_a_right_one_is_not(environments: UvEnvironments) -> None:
    request = EnvironmentRequest(f"tabulate==0.9.0 --hash=sha256:{'0' * 64}\n")
    assert "hash" in failure_of(built(environments, request)).output
    # The wheel's, as the index tells it; there is a source distribution with another one.
    right = "024ca478df22e9340661486f85298cff5f6dcdba14f3813e8830015b9ed1948f"
    python_of(built(environments, EnvironmentRequest(f"tabulate==0.9.0 --hash=sha256:{right}\n")))


def test_credentials_are_shown_nowhere(
    environments: UvEnvironments, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    text = "tabulate @ https://alice.smith:s3cr3tpass@127.0.0.1:9/other-1-py3-none-any.whl\n"
    failure = failure_of(built(environments, EnvironmentRequest(text)))
    assert "127.0.0.1:9" in failure.output
    place = home.environments / environments.key(EnvironmentRequest(text))
    kept = b"".join(path.read_bytes() for path in place.rglob("*") if path.is_file())
    for secret in ("alice.smith", "s3cr3tpass"):
        assert secret not in failure.output + failure.message
        assert secret.encode() not in kept


def test_two_that_ask_at_once_get_one_build(environments: UvEnvironments, home: Home) -> None:
    request = EnvironmentRequest("tabulate==0.9.0  # for two\n")
    states: list[EnvironmentState] = []
    threads = [threading.Thread(target=lambda: states.append(built(environments, request))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({python_of(each) for each in states}) == 1
    log = (home.environments / environments.key(request) / "build.log").read_text()
    assert log.count("Creating virtual environment") == 1


def test_what_a_killed_builder_left_is_built_anew(environments: UvEnvironments, home: Home) -> None:
    request = EnvironmentRequest("tabulate==0.8.10\n")
    place = home.environments / environments.key(request)
    (place / "venv" / "bin").mkdir(parents=True)
    (place / "venv" / "bin" / "python").write_text("half a file")
    python = python_of(built(environments, request))
    assert run(python, "import tabulate; print(tabulate.__version__)") == "0.8.10"


def slow_sdist(folder: Path) -> Path:
    """A folder of packages with one that takes a minute to build."""
    import tarfile

    source = folder / "slowpackage-1.0"
    source.mkdir(parents=True)
    (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: slowpackage\nVersion: 1.0\n")
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "slow"\nbackend-path = ["."]\n'
        '[project]\nname = "slowpackage"\ndynamic = ["version"]\n'
    )
    wait = "import time\ndef wait(*a, **k): time.sleep(60)\n"
    hooks = ("prepare_metadata_for_build_wheel", "build_wheel", "get_requires_for_build_wheel")
    (source / "slow.py").write_text(wait + "".join(f"{hook} = wait\n" for hook in hooks))
    with tarfile.open(folder / "slowpackage-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, arcname=source.name)
    return folder


def test_a_build_ends_with_the_server_and_leaves_no_verdict(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_FIND_LINKS", str(slow_sdist(tmp_path / "links")))
    environments = UvEnvironments(home)
    request = EnvironmentRequest("slowpackage==1.0\n")
    state = environments.ensure(request)
    assert isinstance(state, Building)
    key = environments.key(request)
    wait_for(lambda: children_with(key) != [])
    environments.close()
    wait_for(lambda: children_with(key) == [])
    place = home.environments / key
    wait_for(lambda: not list(place.glob(".work-*")))
    assert not (place / "failed.json").exists()
    assert not (place / ".ready").exists()


def children_with(word: str) -> list[int]:
    """Processes whose command line holds that word: uv at its second step, with the builds below it."""
    import psutil

    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            command = process.cmdline()
        except psutil.Error:
            continue
        if any(word in each for each in command) and "compile" in command:
            found.append(process.pid)
    return found


def wait_for(come_about: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not come_about():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_project_s_settings_above_the_home_have_no_say(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.uv]\nindex-url = "https://127.0.0.1:9/simple"\n')
    home = Home(tmp_path / "home")
    home.create()
    environments = UvEnvironments(home)
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        python_of(built(environments, DEFAULT))
    finally:
        os.chdir(before)
        environments.close()
