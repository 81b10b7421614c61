"""Deployments whose image is not the runtime's, in containers of a real podman. No registry is asked for images."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from flowstead import supervise
from tests.installation import ROOT, Installation, eventually
from tests.local_containers import PYTHON, LocalPodman, local_podman
from tests.steady_traffic import RATE, Traffic

FLOW = f"""\
environment: {{image: {PYTHON}}}
inputs:
  question: {{type: string}}
outputs:
  seen: {{type: object, reference: "${{look.output}}"}}
nodes:
- name: look
  type: python
  source: {{type: code, path: look.py}}
  inputs: {{question: "${{inputs.question}}"}}
"""
LOOK = """\
import os
from pathlib import Path
from promptflow.core import tool

def read(*names):
    for each in names:
        if Path(each).exists():
            return Path(each).read_text().strip()

def writes(path):
    try:
        Path(path).write_text("x")
        return True
    except OSError:
        return False

def has(field):
    return next(line.split()[1] for line in read("/proc/self/status").splitlines() if line.startswith(field))

@tool
def look(question: str) -> dict:
    return {
        "question": question,
        "user": os.getuid(),
        "memory": read("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"),
        "pids": read("/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max"),
        "capabilities": has("CapEff"),
        "no_new_privileges": has("NoNewPrivs"),
        "writes": [each for each in ("/x", "/opt/x", os.environ["AZUREML_MODEL_DIR"] + "/x", "/tmp/x") if writes(each)],
        "reaches": [each for each in HIDDEN if Path(each).exists()],
        "eaten": len(b"x" * int(question)) if question.isdigit() else 0,
        "secret": os.environ["SECRET_OF_ITS_OWN"],
        "processes": sum(each.isdigit() for each in os.listdir("/proc")),
    }
"""
SECRET = "two lines\nand $more 'of' it"
DEPLOYMENT = """\
name: blue
endpoint_name: {endpoint}
model: {{path: {flow}}}
instance_type: Standard_DS1_v2
instance_count: 1
readiness_probe: {{initial_delay: 5, period: 1, failure_threshold: 60}}
environment_variables: {variables}
{more}
"""
SERVER = """\
import json, os, signal, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(204 if self.path == "/ready" else 200 if self.path == "/alive" else 404, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        files = sorted(os.listdir(os.environ["AZUREML_MODEL_DIR"]))
        said = {"path": self.path, "body": json.loads(body), "files": files, "token": os.environ["TOKEN"]}
        self.answer(200 if self.path == "/v1/models/m:predict" else 404, json.dumps(said).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = ThreadingHTTPServer(("0.0.0.0", 5001), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""
OWN_SERVER = """\
name: own-server
version: 1
build: {path: context}
inference_config:
  liveness_route: {path: /alive, port: 5001}
  readiness_route: {path: /ready, port: 5001}
  scoring_route: {path: /v1/models/m:predict, port: 5001}
"""


@pytest.fixture(scope="module")
def podman() -> Iterator[LocalPodman]:
    with local_podman() as found:
        yield found


@pytest.fixture(scope="module")
def flowstead(podman: LocalPodman, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("home") / "h", variables=podman.variables)
    installation.up("--container-engine", "podman")
    yield installation
    installation.down()
    assert installation.processes() == []
    assert (podman.containers(), podman.volumes()) == ([], [])


def deployed(flowstead: Installation, folder: Path, endpoint: str, flow: Path, more: str = "", **variables: str) -> str:
    """The endpoint's primary key."""
    flowstead.run("online-endpoint", "create", "--name", endpoint)
    text = DEPLOYMENT.format(endpoint=endpoint, flow=flow, variables=json.dumps(variables), more=more)
    (folder / "deployment.yml").write_text(text)
    flowstead.run("online-deployment", "create", "--file", str(folder / "deployment.yml"), "--all-traffic")
    return flowstead.keys(endpoint)["primaryKey"]


@pytest.fixture(scope="module")
def looking(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The key of an endpoint whose flow tells what it sees in its image."""
    folder = tmp_path_factory.mktemp("flow")
    flow = folder / "flow"
    flow.mkdir()
    hidden = [str(flowstead.home), str(flowstead.run_directory()), str(ROOT), str(folder)]
    (flow / "flow.dag.yaml").write_text(FLOW)
    (flow / "look.py").write_text(LOOK + f"\nHIDDEN = {hidden!r}\n")
    return deployed(flowstead, folder, "looking", flow, SECRET_OF_ITS_OWN=SECRET)


def seen(flowstead: Installation, key: str) -> dict[str, Any]:
    answer = flowstead.score("looking", {"question": "what is here?"}, key)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["seen"])


def instances(flowstead: Installation, endpoint: str) -> list[dict[str, Any]]:
    return [each for each in flowstead.json("status")["instances"] if each["endpoint"] == endpoint]


def instance(flowstead: Installation, endpoint: str) -> dict[str, Any]:
    [found] = instances(flowstead, endpoint)
    return dict(found)


def test_a_flow_answers_in_its_image_and_is_held_to_its_bounds(
    flowstead: Installation, podman: LocalPodman, looking: str
) -> None:
    found = seen(flowstead, looking)
    assert found["question"] == "what is here?"
    assert found["user"] >= 700_000_000
    assert int(found["memory"]) == 3.5 * (1 << 30)
    assert int(found["pids"]) == 4096
    assert (int(found["capabilities"], 16), found["no_new_privileges"]) == (0, "1")
    assert found["writes"] == ["/tmp/x"]
    assert found["reaches"] == []
    assert found["processes"] <= 2
    assert flowstead.json("status")["container_engine"].startswith("podman ")
    assert instance(flowstead, "looking")["isolation"] == "container (podman, own user)"
    log = flowstead.run(
        *("online-deployment", "get-logs", "--name", "blue", "--endpoint-name", "looking"),
        *("--container", "storage-initializer", "--lines", "500"),
    ).stdout
    assert f"From the image {PYTHON}, with the runtime flowstead_runtime-" in log
    assert "+ flowstead-runtime" in log


def test_a_secret_reaches_the_flow_and_no_engine(flowstead: Installation, podman: LocalPodman, looking: str) -> None:
    assert seen(flowstead, looking)["secret"] == SECRET
    [container] = podman.containers()
    kept = podman.run("inspect", container) + podman.run("history", "--no-trunc", "--format", "json", PYTHON)
    assert "and $more" not in kept
    lines = [" ".join(process.cmdline()) for process in flowstead.processes()]
    assert lines
    assert not any("and $more" in line for line in lines)


def test_it_goes_on_without_the_server_and_is_found_again(
    flowstead: Installation, podman: LocalPodman, looking: str
) -> None:
    before = instance(flowstead, "looking")
    os.kill(flowstead.server_pid(), signal.SIGKILL)
    assert seen(flowstead, looking)["question"]
    flowstead.up("--container-engine", "podman")
    after = instance(flowstead, "looking")
    assert (after["id"], after["pid"], after["restarts"]) == (before["id"], before["pid"], 0)


@pytest.mark.parametrize("whom", ["supervisor", "keeper", "conmon", "program"])
def test_whoever_is_killed_one_container_is_left(
    flowstead: Installation, podman: LocalPodman, looking: str, whom: str
) -> None:
    before = instance(flowstead, "looking")
    run = flowstead.run_directory() / "instances" / before["id"]
    observed = supervise.observe(run)
    assert observed is not None
    [container] = podman.containers()
    inside = json.loads(podman.run("inspect", "--format", "json", container))[0]["State"]
    numbers = {
        "supervisor": observed.supervisor_pid,
        "keeper": observed.pid,
        "conmon": inside["ConmonPid"],
        "program": inside["Pid"],
    }
    program = psutil.Process(inside["Pid"])
    os.kill(numbers[whom], signal.SIGKILL)
    if whom == "conmon":  # it only watches: the program goes on, and its end is noticed without
        assert seen(flowstead, looking)["question"]
        program.kill()

    def back() -> bool:
        answer = flowstead.score("looking", {"question": "?"}, looking)
        return answer.status_code == 200 and not program.is_running()

    eventually("another container answers", back, within=60)
    eventually("no container is left of the one before", lambda: len(podman.containers()) == 1)
    eventually("nor an instance", lambda: len(instances(flowstead, "looking")) == 1)


def test_an_image_s_own_server_answers_by_its_own_paths(
    flowstead: Installation, podman: LocalPodman, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"1")
    context = tmp_path / "context"
    context.mkdir()
    (context / "serve.py").write_text(SERVER)
    (context / "Dockerfile").write_text(f'FROM {PYTHON}\nCOPY serve.py /serve.py\nCMD ["python3", "/serve.py"]\n')
    (tmp_path / "environment.yml").write_text(OWN_SERVER)
    flowstead.run("environment", "create", "--file", str(tmp_path / "environment.yml"))
    key = deployed(
        flowstead, tmp_path, "own", tmp_path / "model", "environment: azureml:own-server:1", TOKEN="t", HOME="/tmp"
    )
    expected = {"path": "/v1/models/m:predict", "body": {"a": 1}, "files": ["weights.bin"], "token": "t"}
    assert flowstead.score("own", {"a": 1}, key).json() == expected
    headers = {"Authorization": f"Bearer {key}"}
    own = httpx.post(f"{flowstead.url}/endpoints/own/v1/models/m:predict", json={"a": 1}, headers=headers)
    assert own.json() == expected
    pinned = flowstead.score("own", {"a": 1}, key, **{"azureml-model-deployment": "blue"})
    assert pinned.json() == expected
    with pytest.raises(httpx.ConnectError):
        httpx.get("http://127.0.0.1:5001/ready")
    with Traffic(f"{flowstead.url}/endpoints/own/score", key) as traffic:
        traffic.passes(RATE, "traffic flows")
        for old, new in (("/ready", "/well"), ("/v1/models/m:predict", "/v2")):
            for file in (context / "serve.py", tmp_path / "environment.yml"):
                file.write_text(file.read_text().replace(old, new))
        environment = tmp_path / "environment.yml"
        environment.write_text(environment.read_text().replace("version: 1", "version: 2"))
        flowstead.run("environment", "create", "--file", str(environment))
        deployment = tmp_path / "deployment.yml"
        deployment.write_text(deployment.read_text().replace("own-server:1", "own-server:2"))
        flowstead.run("online-deployment", "update", "--file", str(deployment))
        traffic.passes(RATE, "traffic flows by the other paths")
    assert set(traffic.outcomes) == {"200"}, traffic.outcomes
    assert flowstead.score("own", {"a": 1}, key).json()["path"] == "/v2"
    flowstead.run("online-endpoint", "delete", "--name", "own", "--yes")
    assert not [each for each in podman.containers() if each.startswith("flowstead-") and "own" in each]


def test_deletion_while_an_image_is_built_leaves_no_process(flowstead: Installation, tmp_path: Path) -> None:
    """What a step of a build runs is no child of anybody's by then."""
    mark = f"mark-{flowstead.port}"
    (tmp_path / "context").mkdir()
    step = json.dumps(["python3", "-c", f"import time; time.sleep(600)  # {mark}"])
    (tmp_path / "context" / "Dockerfile").write_text(f"FROM {PYTHON}\nRUN {step}\n")
    (tmp_path / "environment.yml").write_text(OWN_SERVER.replace("own-server", "endless"))
    flowstead.run("environment", "create", "--file", str(tmp_path / "environment.yml"))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"1")
    more = "environment: azureml:endless:1"
    text = DEPLOYMENT.format(endpoint="endless", flow=tmp_path / "model", variables="{}", more=more)
    (tmp_path / "deployment.yml").write_text(text)
    flowstead.run("online-endpoint", "create", "--name", "endless")
    flowstead.run("online-deployment", "create", "--file", str(tmp_path / "deployment.yml"), "--no-wait")
    eventually("the step runs", lambda: _running(mark), within=60)
    flowstead.run("online-endpoint", "delete", "--name", "endless", "--yes")
    eventually("nothing of it is left", lambda: not _running(mark))


def _running(mark: str) -> list[psutil.Process]:
    found = (each for each in psutil.process_iter(["cmdline", "status"]) if each.info["cmdline"])
    return [each for each in found if mark in each.info["cmdline"][-1] and each.info["status"] != "zombie"]


def test_one_that_is_ended_for_its_memory_says_so(flowstead: Installation, podman: LocalPodman, looking: str) -> None:
    before = instance(flowstead, "looking")["restarts"]
    refused = flowstead.score("looking", {"question": str(5 * (1 << 30))}, looking)
    assert refused.status_code >= 500, refused.text

    def told() -> Any:
        [found] = flowstead.api("GET", "/onlineEndpoints/looking/deployments/blue/instances").json()["value"]
        properties = found["properties"]
        return properties["restarts"] > before and properties["lastEnd"]

    end = eventually("it is told", told, within=60)
    assert end["reason"] == "OutOfMemory", end
    assert "3584 MiB of its size: choose a larger instance type" in end["message"], end

    def answers() -> bool:
        return flowstead.score("looking", {"question": "?"}, looking).status_code == 200

    eventually("another container answers", answers, within=60)


def test_deletion_leaves_no_container(flowstead: Installation, podman: LocalPodman, looking: str) -> None:
    assert len(podman.containers()) == 1
    [container] = podman.containers()
    inside = int(podman.run("inspect", "--format", "{{.State.Pid}}", container))
    flowstead.run("online-endpoint", "delete", "--name", "looking", "--yes")
    assert podman.containers() == []
    assert not psutil.pid_exists(inside)
    assert not list((flowstead.run_directory() / "instances").iterdir())


def test_an_image_that_is_nowhere_is_told_with_the_engine_s_words(flowstead: Installation, tmp_path: Path) -> None:
    flow = tmp_path / "flow"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(FLOW.replace(PYTHON, "localhost/test/nowhere:1"))
    (flow / "look.py").write_text(LOOK + "\nHIDDEN = []\n")
    with pytest.raises(AssertionError) as failure:
        deployed(flowstead, tmp_path, "nowhere", flow)
    assert "podman could not make the environment's image from localhost/test/nowhere:1." in str(failure.value)
    assert "next: Mend what is named above, the image's name," in str(failure.value)
    assert "requirements.txt" not in str(failure.value)
    flowstead.run("online-endpoint", "delete", "--name", "nowhere", "--yes")
