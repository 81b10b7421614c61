"""Data collection of a flow that is served: what is in the files after real requests."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

PATIENCE_S = 30
FLOW = """\
inputs:
  text: {type: string}
  top: {type: int, default: 3}
outputs:
  said: {type: string, reference: "${do.output}"}
  top: {type: int, reference: "${inputs.top}"}
nodes:
- name: do
  type: python
  source: {type: code, path: do.py}
  inputs: {text: "${inputs.text}"}
"""
CODE = """\
import os
from azureml.ai.monitoring import Collector
from azureml.ai.monitoring.context import BasicCorrelationContext
from promptflow.core import tool

seen = Collector(name="seen")
unknown = Collector(name="unknown")

@tool
def do(text: str):
    if text == "fail":
        raise ValueError("no")
    if text == "stream":
        return pieces()
    if text == "broken stream":
        return pieces(fail=True)
    if text == "big":
        return "é" * 3_000_000
    if text == "secret":
        return os.environ["LLM_API_KEY"]
    if text == "collect":
        context = seen.collect([{"length": len(text)}])
        seen.collect({"length": 0}, BasicCorrelationContext(id="own"))
        unknown.collect([{"a": 1}])
        return context.get_id()
    return text

def pieces(fail=False):
    yield "a"
    if fail:
        raise ValueError("the line broke")
    yield "b"
"""
ALL = ("model_inputs", "model_outputs", "request", "response", "seen")


@dataclass
class Served:
    """A serving process that collects, or does not."""

    process: subprocess.Popen[str]
    url: str
    collected: Path

    def score(self, text: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(f"{self.url}/score", json={"text": text}, headers=named, timeout=PATIENCE_S)

    def records(self, collection: str) -> list[dict[str, Any]]:
        files = sorted((self.collected / "shop" / "blue" / collection).rglob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def end(self) -> None:
        """Afterwards all records are in the files."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0


@contextlib.contextmanager
def served(
    folder: Path, collections: tuple[str, ...] = ALL, *, destination: Path | None = None, **block: Any
) -> Iterator[Served]:
    flow = folder / "flow"
    flow.mkdir(exist_ok=True)
    (flow / "flow.dag.yaml").write_text(FLOW)
    (flow / "do.py").write_text(CODE)
    collected = destination or folder / "collected"
    document = {
        "destination": str(collected),
        "endpoint": "shop",
        "deployment": "blue",
        "instance": "blue-1",
        "model_version": "7",
        "data_collector": {"collections": {name: {"enabled": "True"} for name in collections}, **block},
    }
    (folder / "collect.json").write_text(json.dumps(document))
    arguments = ["--collect", str(folder / "collect.json")] if collections else []
    process = subprocess.Popen(
        [sys.executable, "-m", "flowstead_runtime", "serve", str(flow), "--port", "0", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "LLM_API_KEY": 'sk-very"secret'},
    )
    try:
        assert process.stderr is not None
        line = next(each for each in process.stderr if "/score" in each)
        yield Served(process, line[line.index("http") : line.index("/score")], collected)
    finally:
        process.kill()
        process.communicate()


def eventually(what: str, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S} s"
        time.sleep(0.01)


def test_a_hundred_requests_are_a_hundred_inputs_and_outputs_that_join(tmp_path: Path) -> None:
    with served(tmp_path) as running, ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda n: running.score(f"text {n}"), range(100)))
        eventually("a reader sees them", lambda: len(running.records("model_outputs")) == 100)
        running.end()
        inputs = {each["correlationid"]: each for each in running.records("model_inputs")}
        outputs = {each["correlationid"]: each for each in running.records("model_outputs")}
    assert len(answers) == len(inputs) == len(outputs) == 100
    for answer in answers:
        id_ = answer.headers["x-request-id"]
        assert inputs[id_]["data"] == [{"text": answer.json()["said"], "top": 3}]
        assert outputs[id_]["data"] == [answer.json()]
    one = inputs[answers[0].headers["x-request-id"]]
    assert one["type"] == "azureml.inference.model_inputs"
    assert (one["specversion"], one["datacontenttype"], one["modelversion"]) == ("1.0", "application/json", "7")
    assert one["xrequestid"] == one["correlationid"]
    assert len({each["id"] for each in (*inputs.values(), *outputs.values())}) == 200


def test_bodies_are_kept_as_they_were_sent_failures_too(tmp_path: Path) -> None:
    logging_block = {"capture_headers": ["X-Session", "Authorization", "x-odd", "x-request-id"]}
    with served(tmp_path, request_logging=logging_block) as running:
        good = running.score("hello", x_session="s1", authorization="Bearer abcdefghijk", x_odd="Bearer abcdefghijk")
        failed = running.score("fail")
        running.end()
        requests, responses = running.records("request"), running.records("response")
        assert len(running.records("model_inputs")) == len(running.records("model_outputs")) == 1
    assert [each["data"] for each in requests] == [{"text": "hello"}, {"text": "fail"}]
    assert (requests[0]["path"], requests[0]["method"]) == ("/score", "POST")
    assert requests[0]["headers"] == {"x-session": "s1"}
    assert [each["statuscode"] for each in responses] == [200, 400]
    assert [each["data"] for each in responses] == [good.json(), failed.json()]
    assert responses[0]["headers"] == {"x-request-id": good.headers["x-request-id"]}
    assert responses[0]["contentrange"] == f"bytes 0-{len(good.content) - 1}/{len(good.content)}"


def test_a_compressed_body_is_kept_as_it_was_meant(tmp_path: Path) -> None:
    with served(tmp_path) as running:
        for body in (gzip.compress(b'{"text": "hello"}'), b"no gzip"):
            httpx.post(f"{running.url}/score", content=body, headers={"content-encoding": "gzip"}, timeout=PATIENCE_S)
        running.end()
        requests = running.records("request")
    assert [each["data"] for each in requests] == [{"text": "hello"}, "no gzip"]


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_stream_is_kept_as_one_text(tmp_path: Path, accept: str) -> None:
    with served(tmp_path) as running:
        answer = running.score("stream", accept=accept)
        running.end()
        [output], [response] = running.records("model_outputs"), running.records("response")
    assert output["data"] == [{"said": "ab", "top": 3}]
    assert response["data"] == (answer.json() if accept == "application/json" else answer.text)
    assert response["datacontenttype"] == answer.headers["content-type"]


def test_a_stream_that_breaks_is_kept_as_far_as_it_came(tmp_path: Path) -> None:
    with served(tmp_path) as running:
        with pytest.raises(httpx.RemoteProtocolError):
            running.score("broken stream", accept="text/event-stream")
        running.end()
        [response] = running.records("response")
        assert not running.records("model_inputs")
    assert response["data"].startswith('data: {"top":3}')
    assert "event: error" in response["data"]


def test_a_large_payload_has_a_file_of_its_own(tmp_path: Path) -> None:
    with served(tmp_path) as running:
        answer = running.score("big")
        running.end()
        [output], [response] = running.records("model_outputs"), running.records("response")
    for record, expected in ((output, [answer.json()]), (response, answer.json())):
        assert record["datainblob"] == "true"
        assert record["data"].endswith(record["id"])
        assert json.loads((running.collected / record["data"]).read_text()) == expected


def test_a_flows_own_collectors_write_to_their_collection(tmp_path: Path) -> None:
    with served(tmp_path) as running:
        answer = running.score("collect", x_request_id="abc")
        running.end()
        joined, own = running.records("seen")
    assert answer.json()["said"] == "abc"
    assert (joined["correlationid"], joined["data"]) == ("abc", [{"length": 7}])
    assert (own["correlationid"], own["xrequestid"], own["data"]) == ("own", "abc", [{"length": 0}])
    assert not (running.collected / "shop" / "blue" / "unknown").exists()


def test_no_secret_is_kept(tmp_path: Path) -> None:
    with served(tmp_path) as running:
        assert running.score("secret").json()["said"] == 'sk-very"secret'
        running.end()
        assert running.records("model_outputs")[0]["data"] == [{"said": "******", "top": 3}]
        assert running.records("response")[0]["data"] == {"said": "******", "top": 3}


def test_what_cannot_be_written_fails_no_request(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with served(tmp_path, destination=tmp_path / "file") as running:
        assert all(running.score(f"text {n}").status_code == 200 for n in range(20))
        running.end()
        assert running.process.stderr is not None
        said = [line for line in running.process.stderr if "records were dropped" in line]
    assert sum(int(line.partition("collection: ")[2].partition(" ")[0]) for line in said) == 80
    assert len(said) <= 2


def test_two_processes_never_share_a_file(tmp_path: Path) -> None:
    with served(tmp_path) as first, served(tmp_path) as second:
        for running in (first, second):
            for n in range(5):
                running.score(f"text {n}")
        eventually("all are there", lambda: len(first.records("model_inputs")) == 10)
        names = [file.name for file in (first.collected / "shop" / "blue" / "model_inputs").rglob("*.jsonl")]
    assert sorted(set(names)) == ["blue-1-1.jsonl", "blue-1.jsonl"]


FORK = """
import os, sys
from pathlib import Path
from flowstead_runtime.telemetry.collection import open_collection
from flowstead_runtime.telemetry.collection_settings import CollectionSettings

settings = CollectionSettings(Path(sys.argv[1]), "shop", "blue", "blue-1", "1", "s", {"seen": 1.0})
collection = open_collection(settings)
for _ in range(3):
    if not os.fork():
        for _ in range(100):
            collection.add_rows("seen", b"[]", "abc", None)
        collection.writer.write_waiting()
        sys.stdin.read()
        os._exit(0)
"""


def test_worker_processes_that_were_forked_off_write_apart(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", FORK, str(tmp_path)], stdin=subprocess.PIPE)
    try:
        eventually("all is written", lambda: len(_lines(tmp_path)) == 300)
        assert len(list(tmp_path.rglob("*.jsonl"))) == 3
        assert len({json.loads(line)["id"] for line in _lines(tmp_path)}) == 300
    finally:
        parent.communicate()


def _lines(folder: Path) -> list[str]:
    return [line for file in folder.rglob("*.jsonl") for line in file.read_text().splitlines()]


def test_nothing_is_kept_when_collection_is_off(tmp_path: Path) -> None:
    for collections in ((), ("seen",)):
        with served(tmp_path, collections) as running:
            assert running.score("hello").status_code == 200
            assert running.score("collect", x_request_id="abc").json()["said"] == ("abc" if collections else ANY_ID)
            running.end()
        kept = {file.parts[-6] for file in running.collected.rglob("*.jsonl")}
        assert kept == set(collections)


class _AnyId(str):
    """Equal to any id that a context makes for itself."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and len(other) == 36

    __hash__ = str.__hash__


ANY_ID = _AnyId()
