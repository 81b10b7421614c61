"""Flows tried out in real instances, which the test's own interpreter runs."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowstead.engines.local import LocalEngine
from flowstead.environments.protocol import Built, EnvironmentRequest, EnvironmentState
from flowstead.flow_tests.instances import IDLE_S, FlowTests
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.in_process_api import InProcessApi

Event = tuple[str, dict[str, Any]]
FLOW = """\
inputs:
  text: {type: string}
outputs:
  said: {type: string, reference: "${say.output}"}
nodes:
- {name: say, type: python, source: {type: code, path: say.py}, inputs: {text: "${inputs.text}"}}
"""
SAY = """\
import os
from promptflow.core import tool

@tool
def say(text: str):
    if text == "die":
        os._exit(1)
    return f"{text} from {os.getpid()}, {sorted(name for name in os.environ if 'FLOWSTEAD' in name)}"
"""


class OwnInterpreter:
    """Keeps the protocol `Environments`."""

    def key(self, request: EnvironmentRequest) -> str:
        return "own"

    def ensure(self, request: EnvironmentRequest, *, retry_failed: bool = False) -> EnvironmentState:
        return Built(Path(sys.executable))

    def look(self, request: EnvironmentRequest) -> EnvironmentState | None:
        return Built(Path(sys.executable))


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path / "home", environments=OwnInterpreter()) as api:
        yield api
        end(api.flow_tests)


def end(tests: FlowTests) -> None:
    tests.stop_all()
    eventually("all instances have ended", lambda: not tests.look())


def eventually(what: str, holds: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while not (value := holds()):
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.02)
    return value


def make(api: InProcessApi, name: str = "hello", say: str = SAY) -> None:
    api.call("PUT", f"flows/{name}", {})
    for path, text in {"flow.dag.yaml": FLOW, "say.py": say}.items():
        assert api.call("PUT", f"flows/{name}/files/{path}", content=text.encode()).status_code in (200, 201)


def run(api: InProcessApi, name: str = "hello", variables: dict[str, str] | None = None, **inputs: Any) -> list[Event]:
    answer = api.call("POST", f"flows/{name}/test", {"inputs": inputs, "environmentVariables": variables or {}})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    frames = [frame.split("\n", 1) for frame in answer.text.split("\n\n") if frame and not frame.startswith(":")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in frames]


def said(events: list[Event]) -> str:
    kind, content = events[-1]
    assert kind == "outputs", events
    return str(content["outputs"]["said"])


def instances(api: InProcessApi) -> list[str]:
    return sorted(each.name for each in api.home.tests_run.iterdir())


def process_of(text: str, home: Path) -> psutil.Process:
    """That of the home which said it, by its number among its own processes."""
    inside = text.partition(" from ")[2].partition(",")[0]
    named = [each for each in psutil.process_iter(["cmdline"]) if str(home) in " ".join(each.info["cmdline"] or ())]
    [found] = [each for each in named if _inner_number(each) == inside]
    return found


def _inner_number(process: psutil.Process) -> str:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(line.split()[-1] for line in status.splitlines() if line.startswith("NSpid:"))


def test_a_flow_runs_in_an_instance_that_stays_warm(api: InProcessApi) -> None:
    make(api)
    first = run(api, text="hi")
    assert [kind for kind, _ in first] == [
        *("preparing", "ready", "nodeStarted", "nodeFinished", "outputs"),
    ]
    assert said(first).startswith("hi from ")
    assert str(os.getpid()) not in said(first)
    assert "FLOWSTEAD_HOME" not in said(first)
    second = run(api, text="hi")
    assert [kind for kind, _ in second][:2] == ["ready", "nodeStarted"]
    assert said(second) == said(first)
    assert len(instances(api)) == 1
    # Nothing of it is seen by whoever looks after deployments.
    assert LocalEngine(api.home).observe() == []


def test_a_changed_flow_gets_another_instance(api: InProcessApi) -> None:
    make(api)
    run(api, text="hi")
    before = instances(api)
    make(api, say=SAY.replace(" from ", " now from "))
    assert " now from " in said(run(api, text="hi"))
    eventually("the old one has ended", lambda: api.flow_tests.look() and len(instances(api)) == 1)
    assert instances(api) != before
    old = api.call("POST", "flows/hello/test", {"inputs": {"text": "hi"}, "version": "2"})
    assert "hi from " in old.text


def test_templates_run_as_they_are(api: InProcessApi) -> None:
    for template, expected in (("standard", {"words": 6}), ("evaluation", {"grade": "Correct"})):
        api.call("PUT", f"flows/{template}", {"properties": {"template": template}})
        kind, content = run(api, template)[-1]
        assert kind == "outputs", content
        assert expected.items() <= content["outputs"].items()


def test_the_chat_template_holds_a_conversation(api: InProcessApi) -> None:
    api.call("PUT", "flows/chat", {"properties": {"template": "chat"}})
    first = run(api, "chat", question="one", chat_history=[])[-1][1]["outputs"]
    assert first == {"answer": "You said: one"}
    history = [{"inputs": {"question": "one"}, "outputs": first}]
    events = run(api, "chat", question="two", chat_history=history)
    assert events[-1][1]["outputs"] == {"answer": "You said: two Before that: one"}
    statuses = {content["node"]: content["status"] for kind, content in events if kind == "nodeFinished"}
    assert statuses == {"choose": "Completed", "ask": "Bypassed", "repeat": "Completed", "answer": "Completed"}


def test_an_input_that_the_flow_does_not_have_is_refused(api: InProcessApi) -> None:
    make(api)
    mistyped = api.call("POST", "flows/hello/test", {"inputs": {"text": "hi", "nosuch": 1}}).json()["error"]
    assert mistyped["code"] == "BadArgument"
    assert "The flow has no input 'nosuch'.\nIts inputs are text." in mistyped["message"]


def test_a_flow_that_cannot_run_is_refused_at_once(api: InProcessApi) -> None:
    make(api, say="def (\n")
    answer = api.call("POST", "flows/hello/test", {"inputs": {"text": "hi"}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "FlowInvalid")
    assert "say.py:1:5" in answer.json()["error"]["message"]
    assert api.call("POST", "flows/none/test", {}).status_code == 404
    for variables in ({"": "x"}, {"A=B": "x"}, {"A": "a\0b"}):
        refused = api.call("POST", "flows/hello/test", {"environmentVariables": variables})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadArgument")
    assert instances(api) == []


def test_why_an_instance_does_not_start_is_told_without_secrets(api: InProcessApi) -> None:
    make(api, say="import os\nraise ValueError('no: ' + os.environ['MY_API_KEY'])\n")
    kind, content = run(api, variables={"MY_API_KEY": "very-secret-value"}, text="hi")[-1]
    assert (kind, content["error"]["code"]) == ("error", "UserScriptInitFailed")
    assert "ValueError" in content["error"]["message"]
    assert "very-secret-value" not in json.dumps(content)
    make(api, say="import nothing_of_this_name\n")
    assert run(api, text="hi")[-1][1]["error"]["code"] == "UserScriptImportError"


def test_an_instance_that_dies_ends_the_test(api: InProcessApi) -> None:
    make(api)
    kind, content = run(api, text="die")[-1]
    assert (kind, content["error"]["code"]) == ("error", "DeploymentCrashLoopBackOff")
    assert said(run(api, text="hi")).startswith("hi from ")


def test_a_test_that_takes_too_long_is_ended(api: InProcessApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowstead.flow_tests.relay.SILENCE_S", 0.1)
    monkeypatch.setattr("flowstead.flow_tests.relay.MOST_S", 0.5)
    wait = "import asyncio\nfrom promptflow.core import tool\n\n@tool\nasync def say(text: str):\n"
    make(api, say=wait + "    await asyncio.sleep(600)\n")
    kind, content = run(api, text="hi")[-1]
    assert (kind, content["error"]["code"]) == ("error", "FlowTestTimeout")


HOSTILE = """
import os, socket, threading
from promptflow.core import tool

def take(descriptor):
    listening = socket.socket(fileno=os.dup(descriptor))
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()

def answer(connection):
    begun = connection.recv(1000)
    if b"/test" not in begun:
        connection.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n")
        return
    while True:
        connection.sendall(SENT)
        EVENT.wait(None if SENT == b"" else 0.001)

EVENT = threading.Event()
SENT = b"%s"
for _ in range(20):
    threading.Thread(target=take, args=(3,), daemon=True).start()

@tool
def say(text: str):
    return text
"""


@pytest.mark.parametrize("sent", ["", "HTTP/1.1 103 x\\r\\n\\r\\n"])
def test_an_instance_that_does_not_begin_to_answer_is_given_up(
    api: InProcessApi, monkeypatch: pytest.MonkeyPatch, sent: str
) -> None:
    monkeypatch.setattr("flowstead.flow_tests.relay.ANSWER_WITHIN_S", 1.0)
    monkeypatch.setattr("flowstead.flow_tests.relay.SILENCE_S", 0.2)
    make(api, say=HOSTILE % sent)
    for _ in range(10):  # the runtime may be the one that takes the connection
        kind, content = run(api, text="hi")[-1]
        if kind == "error":
            break
    assert (kind, content["error"]["code"]) == ("error", "DeploymentCrashLoopBackOff")
    assert "not begun to answer" in content["error"]["message"]
    eventually("its instance is gone", lambda: (api.flow_tests.look(), instances(api) == [])[1])


def test_a_server_that_ends_cuts_tests_off(api: InProcessApi) -> None:
    wait = "import asyncio\nfrom promptflow.core import tool\n\n@tool\nasync def say(text: str):\n"
    make(api, say=wait + "    await asyncio.sleep(600)\n")
    threading.Timer(3.0, api.flow_tests.close).start()
    kind, content = run(api, text="hi")[-1]
    assert (kind, content["error"]["code"]) == ("error", "ServerUnreachable")


def test_a_deleted_flow_takes_its_instance_along(api: InProcessApi) -> None:
    make(api)
    run(api, text="hi")
    api.call("DELETE", "flows/hello")
    eventually("it has ended", lambda: not api.flow_tests.look())
    assert list(api.home.tests_run.iterdir()) == []
    assert list((api.home.logs / "tests").iterdir()) == []


def test_an_idle_instance_is_stopped(tmp_path: Path) -> None:
    clock = FrozenClock()
    with InProcessApi(tmp_path / "home", environments=OwnInterpreter(), clock=clock) as api:
        make(api)
        # The instance's health is asked for again as time goes by.
        api.flow_tests = FlowTests(
            engine=LocalEngine(api.home, run=api.home.tests_run),
            environments=OwnInterpreter(),
            home=api.home,
            clock=clock,
            salt=b"",
        )
        object.__setattr__(api.app.state.context, "flow_tests", api.flow_tests)
        run(api, text="hi")
        assert api.flow_tests.look()
        assert len(instances(api)) == 1
        clock.advance(IDLE_S + 1)
        eventually("it has ended", lambda: not api.flow_tests.look())


def test_the_next_server_stops_what_it_finds(tmp_path: Path) -> None:
    with InProcessApi(tmp_path / "home", environments=OwnInterpreter()) as api:
        make(api)
        process = process_of(said(run(api, text="hi")), tmp_path / "home")
        assert process.is_running()
    with InProcessApi(tmp_path / "home", environments=OwnInterpreter()) as api:
        api.flow_tests.stop_all()
        eventually("it has ended", lambda: not api.flow_tests.look())
        assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
