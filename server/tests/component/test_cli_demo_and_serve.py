"""`demo` and `serve` as a user runs them, on a flow that needs no package."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

FLOWSTEAD = str(Path(sys.executable).parent / "flowstead")
PACKAGE_CACHE = Path(__file__).resolve().parents[3] / ".cache" / "uv"
YAML = """\
inputs:
  question: {type: string, default: "How?", is_chat_input: true}
outputs:
  answer: {type: string, reference: "${say.output}", is_chat_output: true}
nodes:
- name: say
  type: python
  source: {type: code, path: say.py}
  inputs: {question: "${inputs.question}"}
"""
CODE = """\
from promptflow.core import tool


@tool
def say(question: str) -> str:
    return f"Like this: {question}"
"""


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    folder = tmp_path / "small flow"
    folder.mkdir()
    (folder / "flow.dag.yaml").write_text(YAML)
    (folder / "say.py").write_text(CODE)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Everything temporary goes below the test's own folder, so that what is left behind can be seen."""
    (tmp_path / "t").mkdir()
    cache = {"UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(PACKAGE_CACHE))}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "FLOWSTEAD_"))}
    return {**kept, **cache, "TMPDIR": str(tmp_path / "t"), "HOME": str(tmp_path / "user"), "NO_COLOR": "1"}


def processes_below(folder: Path) -> list[str]:
    lines = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(folder / "t") in line]


def test_the_demo_answers_and_leaves_nothing(flow: Path, environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [FLOWSTEAD, "demo", "--exit", "--flow", str(flow)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("Question  How?", "Like this: How?", "From folder to answer:", "/endpoints/small-flow/score", "curl "):
        assert part in done.stdout
    assert "Deleting the endpoint: done in" in done.stdout
    assert list((tmp_path / "t").iterdir()) == []
    assert not (tmp_path / "user").exists()
    assert processes_below(tmp_path) == []


def test_a_demo_that_fails_cleans_up_too(flow: Path, environment: dict[str, str], tmp_path: Path) -> None:
    (flow / "say.py").write_text("raise RuntimeError('not today')\n" + CODE)
    done = subprocess.run(
        [FLOWSTEAD, "demo", "--flow", str(flow)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 1
    assert "error: UserScriptInitFailed" in done.stderr
    assert "not today" in done.stderr
    assert list((tmp_path / "t").iterdir()) == []
    assert processes_below(tmp_path) == []


def test_serve_is_the_runtime_in_this_very_process(flow: Path, environment: dict[str, str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([FLOWSTEAD, "serve", str(flow), "--port", str(port)], env=environment)
    with process:
        answer: httpx.Response | None = None
        give_up_at = time.monotonic() + 30
        while answer is None and time.monotonic() < give_up_at:
            try:
                answer = httpx.post(f"http://127.0.0.1:{port}/score", json={"question": "Who?"})
            except httpx.TransportError:
                time.sleep(0.05)
        name = psutil.Process(process.pid).cmdline()
        process.send_signal(signal.SIGINT)
    assert answer is not None
    assert answer.json() == {"answer": "Like this: Who?"}
    assert name[1:4] == ["-m", "flowstead_runtime", "serve"], "the process that was started"
