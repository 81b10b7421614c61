"""The local engine with the real supervisor and the real runtime, which the test's own interpreter has."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from flowstead.confine.abilities import of_this_host
from flowstead.containers.command import name_of_home
from flowstead.engines.local import LocalEngine, trash
from flowstead.engines.local.leftovers import remove_lost_folders
from flowstead.engines.protocol import (
    EXIT_FLOW_CANNOT_START,
    EXIT_PACKAGE_MISSING,
    Engine,
    InstanceState,
    ObservedInstance,
)
from flowstead.resources.file_tree import remove_tree
from flowstead.resources.home import Home
from flowstead.resources.inference import Inference
from flowstead.testing.engine_contract import EngineContract, MakeSpec
from server.tests.component.local_engine import (
    ECHO,
    contract,
    engine_of,
    eventually,
    has_ended,
    new_home,
    spec_of,
    specifications,
    write_flow,
)

home = pytest.fixture(new_home)
engine = pytest.fixture(engine_of)
make_spec = pytest.fixture(specifications)


FORKING = (Path(__file__).parents[3] / "tests/system/hostile/forking.py").read_text().partition("@tool")[0] + ECHO


@pytest.fixture
def reopen(home: Home) -> Callable[[], Engine]:
    return lambda: LocalEngine(home)


class TestLocalEngine(EngineContract):
    pass


def test_nothing_of_an_instance_stays(engine: LocalEngine, home: Home, make_spec: MakeSpec) -> None:
    engine.start(make_spec("one"))
    seen = contract.wait_for(engine, "one", InstanceState.READY)
    assert (home.scratch / "one").is_dir()
    engine.stop("one")
    contract.wait_until_gone(engine, "one")
    assert list(home.instances_run.iterdir()) == []
    eventually(lambda: list(home.scratch.iterdir()) == [])
    assert has_ended(seen.pid)


def test_what_a_flow_has_written_keeps_nobody_waiting_while_it_is_removed(
    engine: LocalEngine, home: Home, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(path: Path) -> None:
        begun.set()
        assert go_on.wait(30)
        remove_tree(path)

    monkeypatch.setattr(trash, "remove_tree", slow)
    engine.start(make_spec("one"))
    contract.wait_for(engine, "one", InstanceState.READY)
    engine.stop("one")
    contract.wait_until_gone(engine, "one")
    assert begun.wait(30)
    [left] = home.scratch.iterdir()
    assert len(list(left.iterdir())) == 1
    go_on.set()
    eventually(lambda: list(home.scratch.iterdir()) == [])


def test_what_an_engine_before_has_not_removed_is_removed(engine: LocalEngine, home: Home) -> None:
    left = home.scratch / f".{home.instances_run.name}" / "left"
    left.mkdir(parents=True)
    (left / "file").touch()
    engine.observe()
    eventually(lambda: list(home.scratch.iterdir()) == [])


@pytest.mark.skipif(not of_this_host().namespaces, reason="without namespaces nothing can end what forks this fast")
@pytest.mark.parametrize("ending", ["stopped", "killed", "supervisor killed"])
def test_no_process_outlives_its_instance_however_fast_it_forks(
    engine: LocalEngine, home: Home, tmp_path: Path, ending: str
) -> None:
    spec = spec_of(home, "one", write_flow(tmp_path / "forking", FORKING), MARK=str(tmp_path))
    engine.start(spec)
    seen = contract.wait_for(engine, "one", InstanceState.READY)
    assert len(family_of(str(tmp_path))) > 2
    if ending != "stopped":
        process = psutil.Process(seen.pid)
        before = family_of(str(tmp_path))
        (process if ending == "killed" else process.parent() or process).kill()
        if ending == "killed":
            contract.wait_for(engine, "one", InstanceState.RESTARTING)
            assert not [each for each in before if each.is_running() and not has_ended(each.pid)]
    engine.stop("one")
    contract.wait_until_gone(engine, "one")
    assert family_of(str(tmp_path)) == []


def family_of(mark: str) -> list[psutil.Process]:
    """Those that have run in this moment and had the mark in their environment. Looks often: some live very shortly."""
    found = set()
    for _ in range(10):
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.add(process)
    return list(found)


def test_secrets_and_the_server_s_own_environment_stay_where_they_are(
    engine: LocalEngine, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWSTEAD_MASTER", "server-secret-value")
    code = (
        ECHO
        + "import json, os, pathlib\n"
        + "pathlib.Path(os.environ['HOME'], 'seen.json').write_text(json.dumps(dict(os.environ)))\n"
    )
    flow = write_flow(tmp_path / "flow", code)
    engine.start(spec_of(home, "one", flow, API_KEY="hunter2-hunter2", MODE="test"))
    seen = contract.wait_for(engine, "one", InstanceState.READY)
    environment = json.loads((home.scratch / "one" / "seen.json").read_text())
    assert environment["API_KEY"] == "hunter2-hunter2"
    assert environment["MODE"] == "test"
    assert environment["HOME"] == environment["TMPDIR"] == str(home.scratch / "one")
    certificates = {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
    known = {
        "PATH",
        "LANG",
        "HOME",
        "TMPDIR",
        "PYTHONUNBUFFERED",
        "PYTHONDONTWRITEBYTECODE",
        "AZUREML_MODEL_DIR",
        "API_KEY",
        "MODE",
    }
    assert set(environment) - certificates == known

    for path in home.run.rglob("*"):
        if path.is_file():
            assert b"hunter2" not in path.read_bytes(), path
    command = Path(f"/proc/{seen.pid}/cmdline")
    if command.exists():
        assert b"hunter2" not in command.read_bytes()
    assert not (flow / "__pycache__").exists()
    assert (home.instances_run / "one").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("code", "exit_code", "words"),
    [
        ("raise ValueError('bad start')\n", EXIT_FLOW_CANNOT_START, "bad start"),
        ("import no_such_package_at_all\n", EXIT_PACKAGE_MISSING, "no_such_package_at_all"),
        ("import os\nos._exit(3)\n", 3, ""),
    ],
)
def test_an_instance_that_cannot_start_says_why(
    engine: LocalEngine, home: Home, tmp_path: Path, code: str, exit_code: int, words: str
) -> None:
    engine.start(spec_of(home, "bad", write_flow(tmp_path / "flow", code + ECHO)))
    seen = contract.wait_for(engine, "bad", InstanceState.FAILED)
    assert seen.exit_code == exit_code
    assert words in "\n".join(engine.last_log_lines("bad", 50))


def test_a_killed_worker_is_back_on_the_same_socket(engine: LocalEngine, make_spec: MakeSpec) -> None:
    engine.start(make_spec("one"))
    before = contract.wait_for(engine, "one", InstanceState.READY)
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    killed_at = time.monotonic()

    def back() -> ObservedInstance | None:
        (seen,) = engine.observe()
        return seen if seen.state is InstanceState.READY and seen.pid != before.pid else None

    while (after := back()) is None:
        assert time.monotonic() - killed_at < 5.0, engine.observe()
        time.sleep(0.02)
    assert (after.address, after.restarts) == (before.address, 1)


def test_an_instance_whose_supervisor_was_killed_is_lost_and_can_be_stopped(
    engine: LocalEngine, home: Home, make_spec: MakeSpec
) -> None:
    engine.start(make_spec("one"))
    seen = contract.wait_for(engine, "one", InstanceState.READY)
    state = json.loads((home.instances_run / "one" / "state.json").read_text())
    os.kill(state["supervisor_pid"], signal.SIGKILL)
    contract.wait_for(engine, "one", InstanceState.LOST)
    engine.stop("one")
    contract.wait_until_gone(engine, "one")
    assert has_ended(seen.pid)


def test_a_state_that_a_power_cut_has_emptied_keeps_nobody_from_looking(
    engine: LocalEngine, home: Home, make_spec: MakeSpec
) -> None:
    engine.start(make_spec("one"))
    seen = contract.wait_for(engine, "one", InstanceState.READY)
    file = home.instances_run / "one" / "state.json"
    os.kill(json.loads(file.read_text())["supervisor_pid"], signal.SIGKILL)
    contract.wait_for(engine, "one", InstanceState.LOST)
    os.killpg(seen.pid or 0, signal.SIGKILL)
    file.write_bytes(b"")
    contract.wait_for(engine, "one", InstanceState.LOST)
    engine.stop("one")
    contract.wait_until_gone(engine, "one")


def test_what_a_killed_server_left_half_done_is_finished(engine: LocalEngine, home: Home, make_spec: MakeSpec) -> None:
    (home.instances_run / "mkdir-only").mkdir()
    assert list(engine.observe()) == []
    assert not (home.instances_run / "mkdir-only").exists()

    card_only = home.instances_run / "card-only"
    engine.start(make_spec("template"))
    card = json.loads((home.instances_run / "template" / "instance.json").read_text())
    card_only.mkdir()
    (card_only / "instance.json").write_text(json.dumps(card | {"id": "card-only"}))
    contract.wait_for(engine, "card-only", InstanceState.LOST)
    engine.stop("card-only")
    contract.wait_until_gone(engine, "card-only")


def test_a_flow_s_own_modules_do_not_stand_in_for_the_runtime_s(
    engine: LocalEngine, home: Home, tmp_path: Path
) -> None:
    flow = write_flow(tmp_path / "flow")
    (flow / "uvicorn.py").write_text("raise RuntimeError('shadowed')\n")
    (flow / "typing.py").write_text("raise RuntimeError('shadowed')\n")
    engine.start(spec_of(home, "one", flow))
    contract.wait_for(engine, "one", InstanceState.READY)


def test_working_folders_of_instances_without_a_directory_go(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    for each in ("gone", "there", "tried", ".lost/half"):
        (home.scratch / each / "full").mkdir(parents=True)
    (home.instances_run / "there").mkdir()
    (home.tests_run / "tried").mkdir()
    remove_lost_folders(home)
    eventually(lambda: sorted(each.name for each in home.scratch.iterdir()) == ["there", "tried"])


def test_a_container_is_removed_by_its_own_home_not_by_a_copy_of_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    card = dict.fromkeys(("endpoint", "deployment", "deployment_uid", "revision"), "x") | {"log": str(tmp_path / "log")}
    for id, name in (("own", name_of_home(home.root)), ("copied", "another")):
        (run := home.instances_run / id).mkdir()
        removal = ("/usr/bin/env", "-C", str(tmp_path), "touch", f"flowstead-{name}-{id}")
        (run / "instance.json").write_text(json.dumps(card | {"id": id, "removal": removal}))
    engine = LocalEngine(home)
    for each in engine.observe():
        engine.stop(each.id)
    eventually(lambda: not engine.observe())
    assert [each.name for each in tmp_path.glob("flowstead-*")] == [f"flowstead-{name_of_home(home.root)}-own"]


def test_it_tells_how_an_image_s_own_server_is_reached(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    card = dict.fromkeys(("endpoint", "deployment", "deployment_uid", "revision"), "x") | {"log": str(tmp_path / "log")}
    own = Inference(5001, "/alive", "/ready", "/predict")
    for id, more in (("own", {"inference": asdict(own)}), ("runtime", {})):
        (run := home.instances_run / id).mkdir()
        (run / "instance.json").write_text(json.dumps(card | {"id": id} | more))
    assert {each.id: each.inference for each in LocalEngine(home).observe()} == {"own": own, "runtime": None}
