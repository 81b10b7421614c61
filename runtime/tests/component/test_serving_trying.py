"""A flow tried out in a hosted instance: what it tells of its nodes, in which order, and what it keeps to itself."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from flowstead_runtime.testing.fake_llm import FakeLlm

PATIENCE_S = 30
KEY = "a-very-secret-key"
DAG = """\
inputs:
  text: {type: string}
  loud: {type: bool, default: false}
outputs:
  said: {type: string, reference: "${last.output}"}
  louder: {type: string, reference: "${shout.output}"}
nodes:
- {name: first, type: python, source: {type: code, path: first.py}, inputs: {text: "${inputs.text}"}}
- name: last
  type: python
  source: {type: code, path: last.py}
  inputs: {text: "${first.output}"}
- name: shout
  type: python
  source: {type: code, path: last.py}
  inputs: {text: "${first.output}"}
  activate: {when: "${inputs.loud}", is: true}
- name: average
  type: python
  aggregation: true
  source: {type: code, path: last.py}
  inputs: {text: "${first.output}"}
"""
FIRST = """\
import os, sys
from promptflow.core import tool

@tool
def first(text: str):
    print("got", text)
    print("the key is", os.environ["MY_API_KEY"], file=sys.stderr)
    if text == "fail":
        raise ValueError("no, " + os.environ["MY_API_KEY"])
    return {"text": text, "password": "hunter"}
"""
LAST = """\
import asyncio, pathlib
from promptflow.core import tool

@tool
async def last(text: dict):
    if text["text"] == "wait":
        pathlib.Path("waiting").touch()
        try:
            await asyncio.sleep(600)
        finally:
            pathlib.Path("cancelled").touch()
    return text["text"]
"""
LLM_DAG = """\
inputs: {text: {type: string}}
outputs: {answer: {type: string, reference: "${answer.output}", is_chat_output: true}}
nodes:
- name: answer
  type: llm
  source: {type: code, path: chat.jinja2}
  inputs: {model: gpt, question: "${inputs.text}"}
  connection: llm
  api: chat
"""

Event = tuple[str, dict[str, Any]]


@dataclass
class Hosted:
    uds: str

    def client(self) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=self.uds)
        return httpx.Client(base_url="http://instance", transport=transport, timeout=PATIENCE_S)

    def test(self, **inputs: Any) -> list[Event]:
        with self.client() as client:
            answer = client.post("/test", json=inputs)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        return events(answer.text)


def events(text: str) -> list[Event]:
    frames = [frame.split("\n", 1) for frame in text.split("\n\n") if frame]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in frames]


def of(found: list[Event], kind: str, node: str = "") -> list[dict[str, Any]]:
    return [content for name, content in found if name == kind and (not node or content["node"] == node)]


def eventually(what: str, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S} s"
        time.sleep(0.01)


@contextlib.contextmanager
def hosted(folder: Path, files: dict[str, str], **environment: str) -> Iterator[Hosted]:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    with TemporaryDirectory(prefix="fs") as place, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{place}/score")
        listener.listen(64)
        command = [sys.executable, "-m", "flowstead_runtime", "host", "--flow", str(folder)]
        process = subprocess.Popen(
            [*command, "--fd", str(listener.fileno())],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(listener.fileno(),),
            env={"PATH": os.environ["PATH"], "FLOWSTEAD_TEST_INSTANCE": "1", **environment},
        )
        try:
            yield Hosted(f"{place}/score")
        finally:
            process.kill()
            process.wait()


def test_each_node_is_told_of(tmp_path: Path) -> None:
    files = {"flow.dag.yaml": DAG, "first.py": FIRST, "last.py": LAST}
    with hosted(tmp_path / "flow", files, MY_API_KEY=KEY) as instance:
        found = instance.test(text="hello")
        assert KEY not in json.dumps(found)
        assert [name for name, _ in found if name != "log"] == [
            *("nodeStarted", "nodeFinished", "nodeStarted", "nodeFinished"),
            *("nodeFinished", "nodeFinished", "outputs"),
        ]
        assert of(found, "nodeStarted", "first") == [{"node": "first", "inputs": {"text": "hello"}}]
        assert [(each["stream"], each["text"]) for each in of(found, "log", "first")] == [
            ("stdout", "got hello"),
            ("stderr", "the key is ******"),
        ]
        first = of(found, "nodeFinished", "first")[0]
        assert first["status"] == "Completed"
        assert first["inputs"] == {"text": "hello"}
        assert first["output"] == {"text": "hello", "password": "******"}
        assert first["logs"] == "got hello\nthe key is ******\n"
        assert first["durationMs"] >= 0
        assert first["tokens"] == {}
        assert of(found, "nodeFinished", "last")[0]["output"] == "hello"
        assert of(found, "nodeFinished", "shout") == [{"node": "shout", "status": "Bypassed"}]
        assert of(found, "nodeFinished", "average") == [{"node": "average", "status": "NotRun"}]
        outputs = of(found, "outputs")[0]
        assert outputs["outputs"] == {"said": "hello", "louder": None}
        assert outputs["durationMs"] >= first["durationMs"]
        with instance.client() as client:  # and it scores as any other instance does
            assert client.post("/score", json={"text": "hi"}).json() == {"said": "hi", "louder": None}


def test_a_failure_ends_the_report(tmp_path: Path) -> None:
    files = {"flow.dag.yaml": DAG, "first.py": FIRST, "last.py": LAST}
    with hosted(tmp_path / "flow", files, MY_API_KEY=KEY) as instance:
        found = instance.test(text="fail")
        assert KEY not in json.dumps(found)
        first = of(found, "nodeFinished", "first")[0]
        assert (first["status"], first["error"]) == ("Failed", "ValueError: no, ******")
        assert of(found, "nodeFinished", "last") == [{"node": "last", "status": "NotRun"}]
        assert found[-1][0] == "error"
        assert found[-1][1]["error"] == {
            "code": "UserError",
            "message": "Execution failure in 'first': (ValueError) no, ******",
        }
        wrong = instance.test()
        assert wrong[-1][0] == "error"
        assert "Required input fields ['text']" in wrong[-1][1]["error"]["message"]


def test_a_caller_who_leaves_ends_the_run(tmp_path: Path) -> None:
    flow = tmp_path / "flow"
    files = {"flow.dag.yaml": DAG, "first.py": FIRST, "last.py": LAST}
    with hosted(flow, files, MY_API_KEY=KEY) as instance:
        with instance.client() as client, client.stream("POST", "/test", json={"text": "wait"}) as answer:
            assert answer.status_code == 200
            eventually("it runs", (flow / "waiting").exists)
        eventually("it is cancelled", (flow / "cancelled").exists)
        assert of(instance.test(text="hello"), "outputs")


def test_an_llm_streams_and_counts(tmp_path: Path) -> None:
    files = {"flow.dag.yaml": LLM_DAG, "chat.jinja2": "system:\nBe short.\nuser:\n{{question}}\n"}
    with FakeLlm() as provider:
        connection = {"type": "OpenAIConnection", "value": {"api_key": KEY, "base_url": f"{provider.url}/v1"}}
        with hosted(tmp_path / "flow", files, llm=json.dumps(connection)) as instance:
            found = instance.test(text="Why? [[say: Because it is so.]]")
    assert KEY not in json.dumps(found)
    assert "".join(each["value"] for each in of(found, "chunk")) == "Because it is so."
    assert len(of(found, "chunk")) > 1
    assert {each["output"] for each in of(found, "chunk")} == {"answer"}
    assert of(found, "nodeFinished", "answer")[0]["output"] == "Because it is so."
    assert of(found, "outputs")[0]["outputs"] == {"answer": "Because it is so."}


def test_a_flex_flow_is_one_node(tmp_path: Path) -> None:
    code = "def answer(question: str) -> str:\n    print('thinking')\n    return question.upper()\n"
    files = {"flow.flex.yaml": "entry: chat:answer\n", "chat.py": code}
    with hosted(tmp_path / "flow", files) as instance:
        found = instance.test(question="why")
    assert of(found, "nodeStarted") == [{"node": "answer", "inputs": {"question": "why"}}]
    assert of(found, "log")[0]["text"] == "thinking"
    finished = of(found, "nodeFinished")
    assert [(each["node"], each["status"], each["output"]) for each in finished] == [("answer", "Completed", "WHY")]
    assert of(found, "outputs")[0]["outputs"] == "WHY"


def test_an_ordinary_instance_has_no_such_route(tmp_path: Path) -> None:
    files = {"flow.dag.yaml": DAG, "first.py": FIRST, "last.py": LAST}
    with (
        hosted(tmp_path / "flow", files, MY_API_KEY=KEY, FLOWSTEAD_TEST_INSTANCE="") as instance,
        instance.client() as client,
    ):
        assert client.post("/test", json={"text": "hello"}).status_code == 404
