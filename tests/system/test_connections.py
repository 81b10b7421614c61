"""Connections of the workspace and the choice of outputs, in force in running instances."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from flowstead_runtime.testing.fake_llm import FakeLlm
from tests.installation import Installation, eventually
from tests.served_flow import write_files

FIRST, SECOND, THIRD = "first-hunter2-key-4711", "second-hunter2-key-4712", "third-hunter2-key-4713"
FLOW = {
    "flow.dag.yaml": """\
inputs:
  text: {type: string}
outputs:
  answer: {type: string, reference: "${chat.output}"}
  asked: {type: string, reference: "${inputs.text}"}
  key_length: {type: int, reference: "${measure.output}"}
nodes:
- name: chat
  type: llm
  source: {type: code, path: chat.jinja2}
  inputs: {text: "${inputs.text}", model: gpt-fake, max_tokens: 16}
  connection: workspace_llm
  api: chat
- name: measure
  type: python
  source: {type: code, path: measure.py}
  inputs: {text: "${inputs.text}"}
""",
    "chat.jinja2": "user:\n{{text}}\n",
    "measure.py": """\
import os

from promptflow.core import tool

print("started with", dict(os.environ))


@tool
def measure(text: str) -> int:
    print(text, dict(os.environ))
    return len(os.environ.get("INJECTED_VALUE", ""))
""",
}


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    return write_files(tmp_path / "flow", FLOW)


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as provider:
        yield provider


def connect(flowstead: Installation, name: str, llm: FakeLlm, key: str) -> None:
    properties = {"category": "OpenAi", "authType": "ApiKey", "target": f"{llm.url}/v1", "credentials": {"key": key}}
    answer = flowstead.api("PUT", f"/connections/{name}", {"properties": {**properties, "metadata": {}}})
    assert answer.status_code in (200, 201), answer.text


def keys_seen(llm: FakeLlm) -> list[str]:
    return [request.headers["authorization"].removeprefix("Bearer ") for request in llm.requests]


def test_the_overriding_connections_server_gets_the_call(flowstead: Installation, flow: Path, llm: FakeLlm) -> None:
    with FakeLlm() as other:
        connect(flowstead, "workspace_llm", llm, FIRST)
        connect(flowstead, "other_llm", other, SECOND)
        flowstead.run("deploy", str(flow), "--endpoint", "connected")
        key = flowstead.keys("connected")["primaryKey"]
        assert set(flowstead.score("connected", {"text": "hello"}, key).json()) == {"answer", "asked", "key_length"}
        assert (keys_seen(llm), keys_seen(other)) == ([FIRST], [])
        override = ("--connection-override", "workspace_llm=other_llm", "--outputs", "answer,key_length")
        injected = "INJECTED_VALUE=${{azureml://connections/workspace_llm/credentials/key}}"
        flowstead.run("deploy", str(flow), "--endpoint", "connected", *override, "--env", injected)
        answer = flowstead.score("connected", {"text": "hello"}, key).json()
        assert set(answer) == {"answer", "key_length"}
        assert answer["key_length"] == len(FIRST)
        assert (keys_seen(llm), keys_seen(other)) == ([FIRST], [SECOND])
        shown = flowstead.api("GET", "/onlineEndpoints/connected/deployments/blue").json()["properties"]
        assert shown["includedOutputs"] == ["answer", "key_length"]
        assert {use["connection"] for use in shown["connections"]} == {"workspace_llm", "other_llm"}
        in_use = flowstead.api("DELETE", "/connections/other_llm")
        assert (in_use.status_code, "connected/blue" in in_use.text) == (409, True)
        _assert_nowhere(flowstead, shown=str(shown))


def _assert_nowhere(flowstead: Installation, shown: str) -> None:
    listed = "\n".join(" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"]))
    logs = "\n".join(file.read_text(errors="replace") for file in flowstead.home.rglob("*.log"))
    assert "started with" in logs
    got = "\n".join(flowstead.api("GET", path).text for path in ("/connections", "/connections/workspace_llm"))
    database = b"".join(file.read_bytes() for file in flowstead.home.glob("flowstead.db*"))
    for secret in (FIRST, SECOND):
        assert secret not in shown + listed + logs + got
        assert secret.encode() not in database
    kept = flowstead.api("POST", "/connections/workspace_llm/listsecrets").json()
    assert kept["properties"]["credentials"] == {"key": FIRST}


def test_a_rotated_key_is_used_without_a_failed_request(flowstead: Installation, flow: Path, llm: FakeLlm) -> None:
    connect(flowstead, "rotating_llm", llm, FIRST)
    override = ("--connection-override", "workspace_llm=rotating_llm")
    flowstead.run("deploy", str(flow), "--endpoint", "rotating", *override)
    key = flowstead.keys("rotating")["primaryKey"]
    statuses: list[int] = []
    stop = threading.Event()

    def caller() -> None:
        while not stop.is_set():
            statuses.append(flowstead.score("rotating", {"text": "hello"}, key).status_code)

    callers = [threading.Thread(target=caller) for _ in range(2)]
    for each in callers:
        each.start()
    try:
        eventually("requests pass", lambda: len(statuses) >= 5)
        connect(flowstead, "rotating_llm", llm, THIRD)
        eventually("the new key is used", lambda: THIRD in keys_seen(llm), within=60)
        eventually("the old instance is gone", lambda: _state(flowstead) == "Succeeded", within=60)
        llm.forget()
        eventually("requests go on", lambda: len(llm.requests) >= 5)
        assert set(keys_seen(llm)) == {THIRD}
    finally:
        stop.set()
        for each in callers:
            each.join()
    assert set(statuses) == {200}


def _state(flowstead: Installation) -> str:
    shown = flowstead.api("GET", "/onlineEndpoints/rotating/deployments/blue").json()
    return str(shown["properties"]["provisioningState"])


def test_a_connection_that_is_nowhere_is_told_and_waited_for(
    flowstead: Installation, flow: Path, llm: FakeLlm, tmp_path: Path
) -> None:
    said = flowstead.run(
        "deploy", str(flow), "--endpoint", "waiting", "--connection-override", "workspace_llm=missing_llm", check=False
    )
    assert said.returncode != 0
    assert "ConnectionsResolvable" in said.stderr
    assert "node 'chat' needs it" in said.stderr
    assert "flowstead connection create --file connection.yml --name missing_llm" in said.stderr.replace("\n", " ")
    file = tmp_path / "connection.yml"
    file.write_text(f"type: open_ai\nname: missing_llm\ntarget: {llm.url}/v1\napi_key: {FIRST}\n")
    flowstead.run("connection", "create", "--file", str(file))
    key = flowstead.keys("waiting")["primaryKey"]
    eventually("it comes up", lambda: flowstead.score("waiting", {"text": "x"}, key).status_code == 200, within=60)
    flowstead.run("connection", "update", "--name", "missing_llm", "--set", f"api_key={THIRD}")

    def new_key_is_used() -> bool:
        assert flowstead.score("waiting", {"text": "x"}, key).status_code == 200
        return THIRD in keys_seen(llm)

    eventually("a key that the command line changed is used", new_key_is_used, within=60)
