"""`get-logs --follow` at a command line: a process that prints each line as it is written, until it is told to end or
there is nothing more to come."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.installation import ECHO, FLOWSTEAD, ROOT, WORKSPACE, Installation, eventually, write_flow

TALKS = ECHO.replace("    return", '    print(f"asked for {text}", flush=True)\n    return', 1)
MODE = {"authMode": "Key"}


@contextmanager
def following(flowstead: Installation, endpoint: str, said: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command, which writes to `said`. Ended with the block."""
    words = ("online-deployment", "get-logs", "--endpoint-name", endpoint, "--name", "blue", "--follow")
    with said.open("wb") as file:
        process = subprocess.Popen(
            [FLOWSTEAD, *words],
            env=flowstead.environment({}),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_not_ignoring_ctrl_c,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _not_ignoring_ctrl_c() -> None:
    """As whatever a shell has put into the background does, these tests perhaps among it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def key(flowstead: Installation, tmp_path: Path) -> Iterator[str]:
    """Of the endpoint `talks`."""
    flowstead.run("model", "create", "--name", "talks", "--path", str(write_flow(tmp_path / "flow", TALKS)))
    flowstead.api("PUT", "/onlineEndpoints/talks", {"properties": MODE}).raise_for_status()
    body = {"properties": {"model": f"{WORKSPACE}/models/talks/versions/1"}}
    flowstead.api("PUT", "/onlineEndpoints/talks/deployments/blue", body).raise_for_status()
    shares = {"properties": {**MODE, "traffic": {"blue": 100}}}
    flowstead.api("PUT", "/onlineEndpoints/talks", shares).raise_for_status()
    key = flowstead.keys("talks")["primaryKey"]
    eventually("it answers", lambda: flowstead.score("talks", {"text": "first"}, key).status_code == 200, within=90)
    yield key
    if flowstead.api("GET", "/onlineEndpoints/talks").status_code == 200:
        flowstead.run("online-endpoint", "delete", "--name", "talks", "--yes")


def test_new_lines_are_seen_until_ctrl_c_and_nothing_is_said_of_it(
    flowstead: Installation, key: str, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    with following(flowstead, "talks", said) as process:
        eventually("what was said before is there", lambda: "asked for first" in said.read_text())
        assert flowstead.score("talks", {"text": "now"}, key).status_code == 200
        eventually("what is said now comes", lambda: "asked for now" in said.read_text())
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 130
    lines = said.read_text().splitlines()
    assert lines[0].startswith("==> "), "whose lines they are"
    assert lines.count("asked for now") == 1
    assert "Traceback" not in said.read_text()
    assert lines[-1] == "asked for now", lines[-3:]


def test_it_goes_on_with_the_next_instance_and_ends_with_the_deployment(
    flowstead: Installation, key: str, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    with following(flowstead, "talks", said) as process:
        eventually("what was said before is there", lambda: "asked for first" in said.read_text())
        [instance] = flowstead.instance_pids("talks")
        os.kill(instance, signal.SIGKILL)
        eventually("its end is told", lambda: "The process ended with signal 9" in said.read_text())
        eventually("it answers", lambda: flowstead.score("talks", {"text": "again"}, key).status_code == 200)
        eventually("the next one is heard of", lambda: "asked for again" in said.read_text())
        flowstead.run("online-endpoint", "delete", "--name", "talks", "--yes")
        assert process.wait(60) == 0
    assert "Traceback" not in said.read_text()
    assert "error" not in said.read_text().lower()


def test_an_instance_that_is_not_there_is_told_so(flowstead: Installation, key: str) -> None:
    words = ("online-deployment", "get-logs", "--endpoint-name", "talks", "--name", "blue", "--instance")
    done = flowstead.run(*words, "nope", check=False)
    assert done.returncode != 0
    assert "has no instance nope that has logged anything" in done.stderr
