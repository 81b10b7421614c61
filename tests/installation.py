"""One Flowstead on a scratch home, driven as a user drives it: through the command line and the door."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent
FLOWSTEAD = str(Path(sys.executable).parent / "flowstead")
WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/flowstead"
    "/providers/Microsoft.MachineLearningServices/workspaces/default"
)
_NO_ENGINE = ("--container-engine", "none")
"""What is tried must not depend on what else this machine has; who tries containers says so."""
FULL = os.environ.get("FLOWSTEAD_TEST_COUNTS") == "full"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(what: str, holds: Callable[[], Any], within: float = 30.0) -> Any:
    """The first true value of `holds`; fails naming `what` after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        value = holds()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.05)


@dataclass
class Installation:
    home: Path
    port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    prefix: tuple[str, ...] = ()
    """What every command is begun with, to run it as somebody else."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of every command's environment."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"https://127.0.0.1:{self.tls_port}"

    def run(self, *arguments: str, check: bool = True, timeout: float = 120, **variables: str) -> Any:
        """The command's CompletedProcess; with `check`, a non-zero exit fails the test and shows what it said."""
        done = subprocess.run(
            [*self.prefix, FLOWSTEAD, *arguments],
            env=self.environment(variables),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if check:
            assert done.returncode == 0, (
                f"flowstead {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "-o", "json").stdout)

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, "FLOWSTEAD_HOME": str(self.home), "NO_COLOR": "1", **self.variables, **variables}

    def up(self, *options: str) -> None:
        self.run("up", "--detach", "--port", str(self.port), "--tls-port", str(self.tls_port), *_NO_ENGINE, *options)

    def down(self) -> None:
        self.run("down")

    def processes(self) -> list[psutil.Process]:
        """Every live process that names this home, or its run directory, in its command line or environment."""
        names = {str(self.home), str(self.run_directory())}
        return [p for p in psutil.process_iter() if any(n in text for n in names for text in _texts(p))]

    def run_directory(self) -> Path:
        from flowstead.resources.home import Home

        return Home.at(self.home).run

    def token(self) -> str:
        return str(self.run("token").stdout.strip())

    def api(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """One call of the management API; path below the workspace."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        url = f"{self.url}{WORKSPACE}{path}?api-version=2024-10-01"
        return httpx.request(method, url, json=body, headers=headers, timeout=30)

    def client(self) -> httpx.Client:
        """For many calls of the management API, with one token; paths below the workspace, at the end of `base_url`."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        query = {"api-version": "2024-10-01"}
        return httpx.Client(base_url=f"{self.url}{WORKSPACE}", headers=headers, params=query, timeout=30)

    def keys(self, endpoint: str) -> dict[str, str]:
        return dict(self.api("POST", f"/onlineEndpoints/{endpoint}/listKeys").json())

    def score(self, endpoint: str, body: Any, key: str | None = None, **headers: str) -> httpx.Response:
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        return httpx.post(f"{self.url}/endpoints/{endpoint}/score", json=body, headers=headers, timeout=60)

    def server_pid(self) -> int:
        return int(self.json("status")["server"]["pid"])

    def instance_pids(self, endpoint: str) -> list[int]:
        return [int(i["pid"]) for i in self.json("status")["instances"] if i["endpoint"] == endpoint and i["pid"]]


def pid_inside(pid: int) -> int:
    """What a process takes for its own number: instances have a namespace of theirs."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[-1] for line in status.splitlines() if line.startswith("NSpid:")))


def _texts(process: psutil.Process) -> Iterator[str]:
    try:
        yield " ".join(process.cmdline())
        yield process.environ().get("FLOWSTEAD_HOME", "")
        yield process.cwd()
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return


def write_flow(folder: Path, code: str, *, requirements: str | None = None, yaml: str | None = None) -> Path:
    """A flow of one Python node `say` over `text`, whose file say.py holds `code`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "say.py").write_text(code)
    (folder / "flow.dag.yaml").write_text(yaml or ONE_NODE)
    if requirements is not None:
        (folder / "requirements.txt").write_text(requirements)
    return folder


ONE_NODE = """\
inputs:
  text:
    type: string
    default: hello
outputs:
  said:
    type: string
    reference: ${say.output}
nodes:
- name: say
  type: python
  source:
    type: code
    path: say.py
  inputs:
    text: ${inputs.text}
"""

ECHO = """\
from promptflow.core import tool


@tool
def say(text: str) -> str:
    return f"you said {text}"
"""
