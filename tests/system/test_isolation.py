"""Hostile code, deployed on a whole Flowstead, as root and as an ordinary user: each attempt fails, and what flows need
works."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowstead.confine.abilities import of_this_host
from tests.installation import ECHO, ROOT, Installation, write_flow
from tests.ordinary_user import as_ordinary_user

HOSTILE = Path(__file__).parent / "hostile"
ABSTRACT = "flowstead-test-bystander"
pytestmark = pytest.mark.skipif(not of_this_host().whole, reason="this machine cannot isolate: see flowstead doctor")


@pytest.fixture(scope="module", params=["own", "ordinary"])
def installation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One of the user who runs the tests, and, where that is root, one of an ordinary user."""
    if request.param == "own":
        # Root's home lies below a folder that only root can enter, as pytest's own is.
        place = tmp_path_factory.mktemp("isolation") / "home"
        yield from running(Installation(place))
        return
    if os.geteuid() != 0:
        pytest.skip("the tests run as an ordinary user already")
    with tempfile.TemporaryDirectory(prefix="fs-", dir="/tmp") as folder:
        yield from running(Installation(Path(folder) / "home", prefix=as_ordinary_user(Path(folder))))


def running(installation: Installation) -> Iterator[Installation]:
    installation.up()
    try:
        for name in ("hostile", "other"):
            folder = installation.home.parent / f"flow-{name}"
            write_flow(folder, (HOSTILE / "say.py").read_text() if name == "hostile" else ECHO)
            installation.run("deploy", str(folder), "--endpoint", name, "--env", "OTHERS=others-secret")
        yield installation
    finally:
        installation.run("down", check=False)


@pytest.fixture(scope="module")
def told(installation: Installation) -> dict[str, Any]:
    """What a hostile flow may know of its surroundings: everything."""
    home, run = installation.home, installation.run_directory()
    status = installation.json("status")
    [other] = [each for each in status["instances"] if each["endpoint"] == "other"]
    [mine] = [each for each in status["instances"] if each["endpoint"] == "hostile"]
    [package] = list((home / "environments").glob("*/venv/lib/python*/site-packages/openai/__init__.py"))[:1]
    return {
        "home": str(home),
        "user is shared": not is_root(installation),
        "server": status["server"]["pid"],
        "gateway": status["gateway"]["pid"],
        "supervisor": json.loads((run / "instances" / mine["id"] / "state.json").read_text())["supervisor_pid"],
        "other": other["pid"],
        "secrets": [*secrets_of(home), "/etc/shadow", "/dev/vda", "/dev/mem", "/dev/kmsg"],
        "folders": [
            *map(str, (home / "scratch" / other["id"], run / "instances" / other["id"], home / "keys")),
            *(str(home / "environments/.runtime"), str(ROOT), "/home", "/proc/1/cwd"),
        ],
        "sockets": [str(path) for path in {*home.rglob("*"), *run.rglob("*")} if path.is_socket()],
        "writes": [
            *map(str, (home / "x", home / "scratch/x", home / "scratch" / other["id"] / "x")),
            *map(str, (package.parent / "x.py", package.parents[1] / "x.pth", cache_of(installation) / "x")),
            *("/etc/x", "/usr/x", "/sys/kernel/x", "/proc/sys/kernel/hostname", "/proc/self/oom_score_adj", "/dev/vda"),
        ],
        "package": str(package),
        "abstract": ABSTRACT,
    }


def secrets_of(home: Path) -> list[str]:
    """All files but those that an instance of the hostile flow has to read or write: its flow, its log, packages."""
    code = (HOSTILE / "say.py").read_bytes()
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_relative_to(home / "environments")]
    content = next(path.parent for path in files if path.is_relative_to(home / "models") and path.read_bytes() == code)
    secrets = [
        path
        for path in files
        if not path.is_relative_to(content) and not path.is_relative_to(home / "logs/endpoints/hostile")
    ]
    assert {"flowstead.db", "credentials.json"} <= {path.name for path in secrets}
    assert any(path.is_relative_to(home / "keys") for path in secrets)
    return list(map(str, secrets))


def cache_of(installation: Installation) -> Path:
    return installation.home.parent / "cache" if installation.prefix else Path(os.environ["UV_CACHE_DIR"])


def is_root(installation: Installation) -> bool:
    return os.geteuid() == 0 and not installation.prefix


def test_each_attempt_of_a_hostile_flow_fails(installation: Installation, told: dict[str, Any]) -> None:
    with socket.socket(socket.AF_UNIX) as bystander:
        bystander.bind("\0" + ABSTRACT)
        bystander.listen()
        key = installation.keys("hostile")["primaryKey"]
        answer = installation.score("hostile", {"text": json.dumps(told)}, key)
    assert answer.status_code == 200, answer.text
    outcome = json.loads(answer.json()["said"])
    assert len(outcome) > 80
    assert [name for name, said in outcome.items() if said == "DONE"] == []
    assert installation.server_pid() == told["server"]
    assert installation.instance_pids("other") == [told["other"]]


def test_no_process_outlives_its_deletion_however_fast_it_forks(installation: Installation) -> None:
    folder, mark = installation.home.parent / "flow-forking", f"{installation.home}-forking"
    write_flow(folder, (HOSTILE / "forking.py").read_text())
    installation.run("deploy", str(folder), "--endpoint", "forking", "--env", f"MARK={mark}")
    assert len(marked(mark)) > 2
    installation.run("online-endpoint", "delete", "--name", "forking", "--yes")
    assert marked(mark) == set()


def marked(mark: str) -> set[psutil.Process]:
    """Those that have run in this moment with that mark in their environment. Looks often: some live very shortly."""
    found = set()
    for _ in range(10):
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.add(process)
    return found


def test_the_status_says_what_is_in_force(installation: Installation) -> None:
    words = f"namespaces, landlock, {'own user' if is_root(installation) else 'call filter'}"
    assert f"isolation of instances: {words}" in installation.run("status").stdout
    [instance] = installation.api("GET", "/onlineEndpoints/other/deployments/blue/instances").json()["value"]
    assert instance["properties"]["isolation"] == words
    [found] = [
        each for each in installation.json("doctor", "--port", str(installation.port)) if each["check"] == "Isolation"
    ]
    assert (found["outcome"], found["found"]) == ("ok", words)
