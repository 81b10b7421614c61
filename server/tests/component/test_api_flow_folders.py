"""Flows in a directory of the server's machine: which there are, what is new in them, and nothing beyond it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.resources.settings import ServerSettings
from flowstead.testing.in_process_api import InProcessApi

FLOW = "inputs: {}\noutputs: {}\nnodes: []\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "flows"
    write(
        made / "hello", {"flow.dag.yaml": FLOW, "sub/say.py": "x = 1\n", "__pycache__/say.pyc": "no", ".venv/a": "no"}
    )
    (made / "no-flow").mkdir()
    return made


@pytest.fixture
def api(tmp_path: Path, directory: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path / "home", settings=ServerSettings(flow_directory=str(directory))) as api:
        yield api


def write(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def states(api: InProcessApi) -> dict[str, str]:
    return {each["folder"]: each["state"] for each in listed(api)["value"]}


def listed(api: InProcessApi) -> Any:
    answer = api.call("GET", "flowFolders")
    assert answer.status_code == 200, answer.text
    return answer.json()


def take(api: InProcessApi, folder: str, **query: str) -> httpx.Response:
    return api.call("POST", f"flowFolders/{folder}/import", params=query)


def paths(api: InProcessApi, flow: str) -> list[str]:
    return [each["path"] for each in api.call("GET", f"flows/{flow}/files").json()["value"]]


def test_a_folder_is_new_then_taken_in_then_changed_then_behind(api: InProcessApi, directory: Path) -> None:
    assert listed(api)["directory"] == str(directory)
    assert states(api) == {"hello": "New"}
    taken = take(api, "hello")
    assert taken.status_code == 200, taken.text
    assert paths(api, "hello") == ["flow.dag.yaml", "sub/say.py"]
    assert states(api) == {"hello": "Unchanged"}
    (directory / "hello" / "sub" / "say.py").write_text("x = 2\n")
    assert states(api) == {"hello": "Changed"}
    assert take(api, "hello").json()["properties"]["version"] == "2"
    api.call("PUT", "flows/hello/files/note.txt", content=b"here").raise_for_status()
    assert states(api) == {"hello": "Behind"}
    notes = [each["properties"]["note"] for each in api.call("GET", "flows/hello/versions").json()["value"]]
    assert notes[:2] == ["imported from the folder hello"] * 2


def test_a_folder_is_taken_in_under_another_name(api: InProcessApi) -> None:
    assert take(api, "hello", flow="other").json()["name"] == "other"
    assert states(api) == {"hello": "New"}


@pytest.mark.parametrize("folder", ["..", "%2e%2e", "no-flow", "gone", "..%2Fhello", ".hidden", "hello%2Fsub"])
def test_nothing_but_a_folder_that_is_listed_is_taken_in(api: InProcessApi, directory: Path, folder: str) -> None:
    write(directory / ".hidden", {"flow.dag.yaml": FLOW})
    write(directory.parent, {"flow.dag.yaml": FLOW})
    answer = take(api, folder)
    assert answer.status_code in (400, 404, 405), answer.text
    assert api.call("GET", "flows").json()["value"] == []


def test_no_link_leads_out_of_the_directory(api: InProcessApi, directory: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    write(secret, {"flow.dag.yaml": FLOW, "key.txt": "s3cret"})
    (directory / "linked").symlink_to(secret)
    write(directory / "links", {"flow.dag.yaml": FLOW})
    (directory / "links" / "key.txt").symlink_to(secret / "key.txt")
    write(directory / "deep", {"flow.dag.yaml": FLOW})
    (directory / "deep" / "sub").symlink_to(secret)
    os.mkfifo(directory / "deep" / "pipe")
    assert states(api) == {"hello": "New", "links": "Refused", "deep": "Refused"}
    problems = {each["folder"]: each.get("problem", "") for each in listed(api)["value"]}
    assert "link" in problems["links"]
    assert take(api, "linked").status_code == 404
    assert take(api, "links").status_code == 400
    assert take(api, "deep").status_code == 400
    assert api.call("GET", "flows").json()["value"] == []


def test_a_name_that_no_flow_can_have_is_said(api: InProcessApi, directory: Path) -> None:
    write(directory / "my flow", {"flow.dag.yaml": FLOW})
    assert states(api) == {"hello": "New", "my flow": "Refused"}
    assert take(api, "my%20flow", flow="mine").json()["name"] == "mine"


def test_too_many_files_are_refused(api: InProcessApi, directory: Path) -> None:
    write(directory / "hello", {f"data/{number}.txt": "x" for number in range(2000)})
    assert states(api) == {"hello": "Refused"}
    assert take(api, "hello").status_code == 413


def test_a_directory_that_is_gone_is_said(api: InProcessApi, directory: Path) -> None:
    directory.rename(directory.with_name("elsewhere"))
    answer = api.call("GET", "flowFolders")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadArgument")
    assert str(directory) in answer.json()["error"]["message"]


def test_without_a_directory_there_is_none(tmp_path: Path) -> None:
    with InProcessApi(tmp_path) as api:
        assert listed(api) == {"directory": None, "value": []}
        answer = take(api, "hello")
        assert answer.status_code == 404
        assert "--flow-directory" in answer.json()["error"]["message"]
