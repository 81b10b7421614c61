"""Building an environment without a deployment, followed as it happens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstead.environments.protocol import BuildFailed
from flowstead.resources.built_in_roles import READER
from flowstead.testing.in_process_api import InProcessApi
from flowstead.testing.memory_environments import InMemoryEnvironments

IMAGE = "mcr.microsoft.com/azureml/promptflow/promptflow-runtime:latest"
BUILD = "environments/e/versions/1/build"
CONDA = "dependencies:\n- pip:\n  - {}\n"


@pytest.fixture
def environments(tmp_path: Path) -> InMemoryEnvironments:
    log = tmp_path / "build.log"
    return InMemoryEnvironments(
        failures={"broken==9\n": BuildFailed("It was not built.", "no such version", log)}, log=log
    )


@pytest.fixture
def api(tmp_path: Path, environments: InMemoryEnvironments) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path / "home", environments=environments) as api:
        yield api


def register(api: InProcessApi, line: str = "numpy", **more: Any) -> None:
    properties = {"image": IMAGE, "condaFile": CONDA.format(line), **more}
    assert api.call("PUT", "environments/e/versions/1", {"properties": properties}).status_code == 201


def look(api: InProcessApi) -> dict[str, Any]:
    return dict(api.call("GET", BUILD).json()["properties"])


def build(api: InProcessApi) -> list[tuple[str, Any]]:
    answer = api.call("POST", BUILD)
    assert answer.headers["content-type"].startswith("text/event-stream"), answer.text
    frames = [frame.split("\n", 1) for frame in answer.text.split("\n\n") if frame and not frame.startswith(":")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in frames]


def test_looking_builds_nothing(api: InProcessApi) -> None:
    register(api)
    assert look(api) == {"state": "NotBuilt", "log": ""}
    assert look(api) == {"state": "NotBuilt", "log": ""}


def test_a_build_ends_with_an_environment(api: InProcessApi) -> None:
    register(api)
    assert build(api) == [("built", {})]
    assert look(api)["state"] == "Succeeded"


def test_the_builders_words_come_as_they_are_said(api: InProcessApi, environments: InMemoryEnvironments) -> None:
    environments.slow = True
    register(api)
    environments.log.write_text("one\n")
    end = threading.Timer(0.3, lambda: _say_and_finish(environments))
    end.start()
    told = build(api)
    end.join()
    assert [kind for kind, _ in told[:-1]] == ["log"] * (len(told) - 1)
    assert "".join(content["text"] for kind, content in told if kind == "log") == "one\ntwo\n"
    assert told[-1] == ("built", {})


def _say_and_finish(environments: InMemoryEnvironments) -> None:
    with environments.log.open("a") as log:
        log.write("two\n")
    environments.finish_all()


def test_a_failed_build_says_why_and_is_tried_again(api: InProcessApi, environments: InMemoryEnvironments) -> None:
    register(api, "broken==9")
    environments.log.write_text("resolving\n")
    for _ in range(2):
        *words, (kind, content) = build(api)
        assert (words, kind) == ([("log", {"text": "resolving\n"})], "error")
        assert content["error"]["code"] == "ImageBuildFailure"
        assert "It was not built.\nno such version\n" in content["error"]["message"]
    assert environments.retried == ["broken==9\n"]
    shown = look(api)
    assert (shown["state"], shown["log"]) == ("Failed", "resolving\n")
    assert "no such version" in shown["error"]["message"]


def test_what_nothing_can_start_from_is_said_so(api: InProcessApi) -> None:
    register(api, image="ubuntu")
    shown = look(api)
    assert shown["state"] == "Failed"
    assert "needs a container engine" in shown["error"]["message"]
    refused = api.call("POST", BUILD)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadArgument")


def test_a_reader_looks_and_does_not_build(api: InProcessApi) -> None:
    register(api)
    reader = api.token(api.granted(api.stranger(), READER))
    assert api.call("GET", BUILD, token=reader).status_code == 200
    assert api.call("POST", BUILD, token=reader).status_code == 403
    assert api.call("GET", "environments/e/versions/2/build").status_code == 404
