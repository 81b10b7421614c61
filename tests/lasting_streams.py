"""An endpoint whose streams last as long as they are told, and the Envoys through which they come."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from flowstead.gateway.turns import seen_turns
from flowstead.resources.home import Home
from tests.installation import Installation, eventually, write_flow
from tests.steady_traffic import Traffic

YAML = """\
inputs:
  text:
    type: string
    is_chat_input: true
outputs:
  said:
    type: string
    reference: ${say.output}
    is_chat_output: true
nodes:
- name: say
  type: python
  source:
    type: code
    path: say.py
  inputs:
    text: ${inputs.text}
"""
CODE = """\
import time

from promptflow.core import tool


@tool
def say(text: str):
    if not text.isdigit():
        yield f"you said {text}"
        return
    for number in range(int(text)):
        yield f"{number} "
        time.sleep(0.1)
"""
ENDPOINT = "/endpoints/lasting/score"


class Site:
    """A running Flowstead with the endpoint `lasting`, whose flow streams as many words as it is told, ten a second."""

    def __init__(self, flowstead: Installation, folder: Path) -> None:
        self.flowstead, self.folder = flowstead, folder
        flow = write_flow(folder / "flow", CODE, yaml=YAML)
        flowstead.run("deploy", str(flow), "--endpoint", "lasting")
        self.key = str(flowstead.keys("lasting")["primaryKey"])
        self.home = Home.at(flowstead.home)

    def traffic(self) -> Traffic:
        return Traffic(f"{self.flowstead.url}{ENDPOINT}", self.key)

    @contextmanager
    def stream(self, words: int) -> Iterator[dict[str, int]]:
        """A stream that somebody reads meanwhile; `events`: how many have come. Afterwards it has ended."""
        told = {"events": 0}

        def read() -> None:
            headers = {"Authorization": f"Bearer {self.key}", "Accept": "text/event-stream"}
            body = {"text": str(words)}
            url = f"{self.flowstead.url}{ENDPOINT}"
            try:
                with httpx.stream("POST", url, json=body, headers=headers, timeout=60) as answer:
                    for line in answer.iter_lines():
                        told["events"] += line.startswith("data:")
            except httpx.TransportError:
                return

        reader = threading.Thread(target=read)
        reader.start()
        eventually("the stream has begun", lambda: told["events"])
        yield told
        reader.join(60)
        assert not reader.is_alive()

    def envoys(self) -> list[int | None]:
        return [each.process.pid for each in seen_turns(self.home.gateway_run)]

    def has_ended(self, envoy: int | None) -> None:
        eventually("the Envoy before has ended", lambda: envoy not in self.envoys())

    def started_otherwise(self) -> None:
        """Let the running Envoy be one that another version of Flowstead has started."""
        [newest, *_] = seen_turns(self.home.gateway_run)
        noted = json.loads(newest.turn.bootstrap.read_text())
        noted["node"]["metadata"]["start"] = "of another version"
        newest.turn.bootstrap.write_text(json.dumps(noted))

    def kill_server(self) -> None:
        pid = self.flowstead.server_pid()
        os.kill(pid, signal.SIGKILL)
        eventually("the server is gone", lambda: not psutil.pid_exists(pid))
