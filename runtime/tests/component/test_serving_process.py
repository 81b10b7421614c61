"""The serving process for real: sockets, signals, exit codes, the health thread."""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead_runtime.serving.exit_codes import FLOW_CANNOT_START, IDLE, PACKAGE_MISSING
from runtime.tests.component.served_process import (
    CODE,
    FLOW,
    PATIENCE_S,
    Running,
    eventually,
    hosted,
    in_thread,
    process,
    ready,
    serving,
    write_flow,
)


def test_serve_answers_on_tcp_and_ends_cleanly(tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "flow")
    with serving(flow) as running:
        answer = running.score("hello", x_request_id="abc")
        assert (answer.status_code, answer.json()) == (200, {"said": "hello"})
        assert answer.headers["x-request-id"] == "abc"
        assert "date" not in answer.headers
        assert running.score("cwd").json() == {"said": str(flow)}
        failed = running.score("fail")
        assert (failed.status_code, failed.json()["error"]["code"]) == (400, "UserError")
        with running.client() as client:
            assert client.get("/swagger.json").json()["info"]["x-flow-name"] == "flow"
        assert running.end() == 0


def test_files_from_elsewhere_are_included(tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "flow", flow=FLOW + "additional_includes: [../shared/do.py]\n")
    shared, scratch = tmp_path / "shared", tmp_path / "scratch"
    shared.mkdir()
    scratch.mkdir()
    (flow / "do.py").rename(shared / "do.py")
    with serving(flow, TMPDIR=str(scratch)) as running:
        assert running.score("hello").json() == {"said": "hello"}
        with running.client() as client:
            assert client.get("/swagger.json").json()["info"]["x-flow-name"] == "flow"
        assert running.end() == 0
    assert list(scratch.iterdir()) == []
    assert not (flow / "do.py").exists()

    (shared / "do.py").unlink()
    with process(["serve", str(flow), "--port", "0"]) as running:
        assert running.process.wait(PATIENCE_S) == 1
    assert "additional_includes names '../shared/do.py', which does not exist" in "".join(running.said)


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with process(["serve", str(write_flow(tmp_path)), "--port", str(port)]) as running:
            assert running.process.wait(PATIENCE_S) == 1
    assert running.said[0] == f"Cannot listen on 127.0.0.1:{port}.\n"
    assert "--port" in running.said[-1]


STARTS = {
    "raises": (CODE + "\nraise RuntimeError('no disk')\n", FLOW, FLOW_CANNOT_START, "RuntimeError: no disk"),
    "exits": (CODE + "\nraise SystemExit(3)\n", FLOW, FLOW_CANNOT_START, "SystemExit: 3"),
    "package": ("import no_such_package\n" + CODE, FLOW, PACKAGE_MISSING, "add no-such-package"),
    "yaml": (CODE, "inputs: [", FLOW_CANNOT_START, "flow.dag.yaml"),
    "file": (CODE, FLOW.replace("do.py", "gone.py"), FLOW_CANNOT_START, "gone.py"),
    "connection": (
        CODE.replace("text: str)", "text: str, llm: AzureOpenAIConnection)").replace(
            "@tool", "from promptflow.connections import AzureOpenAIConnection\n\n@tool"
        ),
        FLOW.replace('inputs: {text: "${inputs.text}"}', 'inputs: {text: "${inputs.text}", llm: my_llm}'),
        FLOW_CANNOT_START,
        "my_llm",
    ),
}


@pytest.mark.parametrize("case", STARTS)
def test_a_flow_that_cannot_start_ends_with_its_reason(tmp_path: Path, case: str) -> None:
    code, definition, exit_code, said = STARTS[case]
    flow = write_flow(tmp_path, code, definition)
    with hosted(flow) as running:
        assert running.process.wait(PATIENCE_S) == exit_code
    text = "".join(running.said)
    assert said in text
    assert "Traceback" not in text
    assert "flowstead_runtime" not in text
    assert running.said[-1].startswith("  next:  ")
    with process(["serve", str(flow), "--port", "0"]) as running:
        assert running.process.wait(PATIENCE_S) == 1
    assert said in "".join(running.said)


def test_no_secret_is_said_when_a_start_fails(tmp_path: Path) -> None:
    flow = write_flow(tmp_path, "import os\nraise RuntimeError(os.environ['LLM_API_KEY'])\n")
    with hosted(flow, LLM_API_KEY="sk-secret-value") as running:
        assert running.process.wait(PATIENCE_S) == FLOW_CANNOT_START
    assert "RuntimeError: ***" in "".join(running.said)
    assert "sk-secret-value" not in "".join(running.said)


def test_a_hosted_flows_failures_are_424(tmp_path: Path) -> None:
    with ready(write_flow(tmp_path)) as running:
        assert running.score("hello").json() == {"said": "hello"}
        failed = running.score("fail")
        assert failed.status_code == 424
        assert failed.headers["ms-azureml-model-error-statuscode"] == "400"
        assert failed.headers["ms-azureml-model-error-reason"] == "model_error"
        assert "(ValueError) no" in failed.json()["error"]["message"]


def test_nothing_is_healthy_before_the_flow_is_loaded(tmp_path: Path) -> None:
    gate = tmp_path / "loaded"
    code = f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists():\n    time.sleep(0.01)\n{CODE}"
    with hosted(write_flow(tmp_path / "flow", code)) as running:
        eventually("the health thread answers", lambda: running.healthy() == 503)
        assert running.healthy() == 503
        thread, answers = in_thread(lambda: running.score("early"))
        assert answers == []
        gate.touch()
        thread.join(PATIENCE_S)
        assert answers[0].json() == {"said": "early"}
        assert running.healthy() == 200


def test_a_blocked_event_loop_is_unhealthy_after_the_timeout_and_well_again_after(tmp_path: Path) -> None:
    with ready(write_flow(tmp_path), "--timeout", "0.2") as running:
        thread, answers = in_thread(lambda: running.score("block"))
        eventually("it blocks", (tmp_path / "blocking").exists)
        eventually("it is unhealthy", lambda: running.healthy() == 503)
        (tmp_path / "go").touch()
        eventually("it is healthy again", lambda: running.healthy() == 200)
        thread.join(PATIENCE_S)
        assert answers[0].status_code in {200, 408}


def test_health_takes_many_connections_and_keeps_them(tmp_path: Path) -> None:
    with ready(write_flow(tmp_path)) as running, contextlib.ExitStack() as stack:
        assert running.health is not None
        probes = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(8)]
        for probe in probes:
            probe.settimeout(PATIENCE_S)
            probe.connect(running.health)
        for _ in range(2):
            for probe in probes:
                probe.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert all(probe.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n") for probe in probes)
        probes[0].sendall(b"GET /else HTTP/1.1\r\n\r\nPOST /health HTTP/1.1\r\ncontent-length: 1\r\n\r\nx")
        text = b""
        while piece := probes[0].recv(4096):
            text += piece
        assert text.count(b"HTTP/1.1 404") == text.count(b"HTTP/1.1 405") == 1
        probes[1].sendall(b"x" * 20_000)
        with contextlib.suppress(ConnectionResetError):
            assert probes[1].recv(4096) == b""
        assert running.healthy() == 200


def test_requests_in_flight_finish_after_sigterm(tmp_path: Path) -> None:
    with ready(write_flow(tmp_path)) as running:
        thread, answers = in_thread(lambda: running.score("wait"))
        eventually("it runs", (tmp_path / "waiting").exists)
        running.process.send_signal(signal.SIGTERM)
        eventually("it is unhealthy", lambda: running.healthy() == 503)
        assert running.process.poll() is None
        (tmp_path / "go").touch()
        thread.join(PATIENCE_S)
        assert answers[0].json() == {"said": "wait"}
        assert running.process.wait(PATIENCE_S) == 0


def said(caller: socket.socket) -> bytes:
    """The body of the next answer."""
    text = b""
    while not text.endswith(b"}"):
        piece = caller.recv(4096)
        assert piece, f"it hung up after {text!r}"
        text += piece
    return text.rpartition(b"\r\n")[2]


def test_what_came_while_the_event_loop_was_blocked_is_answered_after_sigterm(tmp_path: Path) -> None:
    """On a connection that was open before, and on one that nobody has taken yet."""
    with ready(write_flow(tmp_path)) as running, contextlib.ExitStack() as stack:
        assert running.uds is not None
        callers = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2)]
        known, new = callers
        body = json.dumps({"text": "late"}).encode()
        request = b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        for each in callers:
            each.settimeout(PATIENCE_S)
        known.connect(running.uds)
        known.sendall(request)
        assert said(known) == b'{"said":"late"}'
        thread, answers = in_thread(lambda: running.score("hog"))
        eventually("it blocks", (tmp_path / "blocking").exists)
        new.connect(running.uds)
        for each in callers:
            each.sendall(request)
        running.process.send_signal(signal.SIGTERM)
        eventually("it is unhealthy", lambda: running.healthy() == 503)
        (tmp_path / "go").touch()
        assert [said(each) for each in callers] == [b'{"said":"late"}'] * 2
        thread.join(PATIENCE_S)
        assert answers[0].json() == {"said": "hog"}
        assert running.process.wait(PATIENCE_S) == 0


def test_a_thread_that_hangs_does_not_keep_the_process(tmp_path: Path) -> None:
    with ready(write_flow(tmp_path), "--grace", "0.1") as running:
        thread, _ = in_thread(lambda: running.score("thread"))
        eventually("it runs", (tmp_path / "waiting").exists)
        assert running.end() == 0
        thread.join(PATIENCE_S)


def test_sigterm_while_loading_ends_at_once(tmp_path: Path) -> None:
    code = "import pathlib, time\npathlib.Path('waiting').touch()\ntime.sleep(60)\n"
    with hosted(write_flow(tmp_path, code)) as running:
        eventually("it loads", (tmp_path / "waiting").exists)
        assert running.end() == 0


def test_the_timeout_is_408_and_a_full_instance_429(tmp_path: Path) -> None:
    arguments = ("--concurrency", "1", "--queue", "1", "--queue-wait", "0")
    with ready(write_flow(tmp_path), *arguments, "--timeout", "20") as running:
        thread, answers = in_thread(lambda: running.score("wait"))
        eventually("it runs", (tmp_path / "waiting").exists)
        full = running.score("more")
        assert (full.status_code, full.headers["retry-after"]) == (429, "1")
        (tmp_path / "go").touch()
        thread.join(PATIENCE_S)
        assert answers[0].status_code == 200
    (tmp_path / "go").unlink()
    with ready(tmp_path, "--timeout", "0.1") as running:
        late = running.score("wait")
        assert (late.status_code, late.json()["error"]["code"]) == (408, "RequestTimeout")


def test_a_caller_who_hangs_up_frees_the_place(tmp_path: Path) -> None:
    with ready(write_flow(tmp_path), "--concurrency", "1", "--queue", "1", "--queue-wait", "20") as running:
        assert running.uds is not None
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(running.uds)
            body = json.dumps({"text": "wait"}).encode()
            caller.sendall(b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            eventually("it runs", (tmp_path / "waiting").exists)
        assert running.score("next").json() == {"said": "next"}


def test_pieces_leave_as_they_come_and_a_broken_stream_says_so_and_is_incomplete(tmp_path: Path) -> None:
    with serving(write_flow(tmp_path)) as running, running.client() as client:
        seen: list[str] = []
        request = client.stream("POST", "/score", json={"text": "stream"}, headers={"accept": "text/event-stream"})
        with pytest.raises(httpx.RemoteProtocolError), request as answer:
            assert answer.status_code == 200
            for line in answer.iter_lines():
                if line:
                    seen.append(line)
                    (tmp_path / "go").touch()
        assert seen[:3] == ['data: {"said":"a"}', 'data: {"said":"b"}', "event: error"]
        assert json.loads(seen[3].removeprefix("data: ")) == {
            "error": {"code": "SystemError", "message": "the line broke"}
        }


def test_files_of_the_current_folder_are_not_taken_for_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "argparse.py").write_text("raise RuntimeError('shadowed')")
    monkeypatch.chdir(tmp_path)
    with serving(write_flow(tmp_path / "flow")) as running:
        assert running.score("x").status_code == 200


IMAGE_FLOW = """\
inputs:
  photo: {type: image}
outputs:
  photo: {type: image, reference: "${do.output}"}
nodes:
- name: do
  type: python
  source: {type: code, path: do.py}
  inputs: {photo: "${inputs.photo}"}
"""
IMAGE_CODE = """\
from promptflow.contracts.multimedia import Image
from promptflow.core import tool

@tool
def do(photo: Image) -> Image:
    return photo
"""


def test_images_by_path_and_by_address(tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "flow", IMAGE_CODE, IMAGE_FLOW)
    (flow / "in.png").write_bytes(b"\x89PNG inside")
    (tmp_path / "out.png").write_bytes(b"\x89PNG outside")
    dumped = {"photo": {"data:image/png;base64": base64.b64encode(b"\x89PNG inside").decode()}}

    def ask(running: Running, photo: Any) -> httpx.Response:
        with running.client() as client:
            return client.post("/score", json={"photo": photo})

    with ready(flow) as running:
        assert ask(running, {"data:image/png;path": "in.png"}).json() == dumped
        refused = ask(running, {"data:image/png;path": "../out.png"})
        assert (refused.status_code, "outside the flow folder" in refused.text) == (424, True)
    with serving(flow) as running:
        assert ask(running, "in.png").json() == dumped
        assert ask(running, {"data:image/png;path": "../out.png"}).status_code == 200
        refused = ask(running, f"{running.url}/health")
        assert (refused.status_code, "not a public one" in refused.text) == (400, True)
    with hosted(flow, FLOWSTEAD_PRIVATE_IMAGES="allow") as running, serving(flow) as other:
        fetched = ask(running, f"{other.url}/health").json()["photo"]
        ((kind, data),) = fetched.items()
        assert kind == "data:image/*;base64"
        assert json.loads(base64.b64decode(data))["status"] == "Healthy"


def test_no_image_is_fetched_for_a_caller_who_has_hung_up(tmp_path: Path) -> None:
    code = IMAGE_CODE.replace("    return photo", "    open('ran', 'w').close()\n    return photo")
    flow = write_flow(tmp_path / "flow", code, IMAGE_FLOW)
    with socket.create_server(("127.0.0.1", 0)) as pictures, hosted(flow, FLOWSTEAD_PRIVATE_IMAGES="allow") as running:
        pictures.settimeout(PATIENCE_S)
        body = json.dumps({"photo": f"http://127.0.0.1:{pictures.getsockname()[1]}/x.png"}).encode()
        with socket.socket(socket.AF_UNIX) as caller:
            assert running.uds is not None
            caller.connect(running.uds)
            caller.sendall(b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            fetching, _ = pictures.accept()
            fetching.settimeout(PATIENCE_S)
            assert fetching.recv(65536).startswith(b"GET /x.png")
        with fetching:
            # The server of the image sees the runtime leave in turn.
            assert fetching.recv(65536) == b""
        assert not (flow / "ran").exists()


def test_who_is_not_asked_ends_and_leaves_what_comes_in_its_socket(tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "flow")
    with ready(flow, "--idle-exit", "1") as running:
        assert running.score("a").json() == {"said": "a"}
        began = time.monotonic()
        assert running.process.wait(PATIENCE_S) == IDLE
        assert time.monotonic() - began > 0.9
        assert running.uds is not None
        with socket.socket(socket.AF_UNIX) as late:
            late.connect(running.uds)  # the one who handed the socket down still listens
            late.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")


def test_a_stream_and_an_open_connection_keep_it(tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "flow")
    with ready(flow, "--idle-exit", "0.5") as running, running.client() as client:
        with client.stream(
            "POST", "/score", json={"text": "stream"}, headers={"accept": "text/event-stream"}
        ) as answer:
            lines = answer.iter_lines()
            assert "a" in next(lines)
            with pytest.raises(subprocess.TimeoutExpired):
                running.process.wait(1.5)
            (flow / "go").touch()
            with pytest.raises(httpx.RemoteProtocolError):  # as this stream ends
                list(lines)
        assert client.post("/score", json={"text": "b"}).json() == {"said": "b"}
        with pytest.raises(subprocess.TimeoutExpired):
            running.process.wait(1.5)  # the next request may be on its way
        client.close()
        assert running.process.wait(PATIENCE_S) == IDLE


def test_who_is_told_to_stop_does_not_say_that_it_was_idle(tmp_path: Path) -> None:
    with ready(write_flow(tmp_path / "flow"), "--idle-exit", "60") as running:
        assert running.end() == 0
