"""Flows from their first file to an endpoint, through the command line."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import httpx
import psutil
import pytest

from flowstead_runtime.testing.fake_llm import FakeLlm
from tests.installation import FLOWSTEAD, ROOT, WORKSPACE, Installation, eventually, pid_inside


def test_from_a_template_to_an_endpoint(flowstead: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "small-talk"
    flowstead.run("flow", "init", "small-talk", "--template", "chat", "--path", str(folder))
    assert flowstead.run("flow", "validate", str(folder)).stderr.strip().endswith("is valid.")
    pushed = flowstead.json("flow", "push", str(folder), "--name", "small-talk")
    assert (pushed["type"], pushed["version"]) == ("chat", "1")
    assert flowstead.run("flow", "validate", "small-talk").stdout == ""

    tested = flowstead.run("flow", "test", "small-talk", "--inputs", "question=one", "chat_history=[]")
    assert json.loads(tested.stdout) == {"answer": "You said: one"}
    assert "- ask  bypassed" in tested.stderr
    talk = subprocess.run(
        [FLOWSTEAD, "flow", "test", "small-talk", "--interactive"],
        input="one\ntwo\n",
        env=flowstead.environment({}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert talk.stdout.splitlines() == ["You said: one", "You said: two Before that: one"]

    plan = flowstead.json("deploy", "small-talk", "--endpoint", "small-talk", "--plan")
    assert [each["action"] for each in plan["resources"]] == ["create", "create", "create", "overwrite"]
    result = flowstead.json("deploy", "--flow", "small-talk", "--endpoint", "small-talk")
    model = flowstead.json("model", "show", "--name", "small-talk")
    assert model["properties"]["azureml.promptflow.source_flow_id"] == "small-talk"
    assert model["properties"]["azureml.promptflow.mode"] == "chat"
    key = flowstead.keys("small-talk")["primaryKey"]
    answer = flowstead.score("small-talk", {"question": "hello"}, key)
    assert (answer.status_code, answer.json()) == (200, {"answer": "You said: hello"})
    assert httpx.post(result["scoring_uri"].replace("/score", "/test"), json={}, timeout=10).status_code in (401, 404)
    again = flowstead.api("GET", "/models/small-talk/versions/1").json()["properties"]["modelUri"]
    assert again.endswith("/small-talk")
    flowstead.run("online-endpoint", "delete", "--name", "small-talk", "--yes")


def test_a_folder_is_tried_out_without_a_trace_in_the_list(flowstead: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "count"
    flowstead.run("flow", "init", "count", "--path", str(folder))
    inputs = tmp_path / "inputs.json"
    inputs.write_text('{"text": "a b c d"}')
    tested = flowstead.run("flow", "test", str(folder), "--inputs", str(inputs), "--details")
    assert json.loads(tested.stdout)["words"] == 4
    assert "✓ count" in tested.stderr
    assert '▸ count  {"text": "a b c d"}' in tested.stderr
    (folder / "count.py").write_text("from promptflow.core import tool\n\n@tool\ndef count(text: str):\n    1 / 0\n")
    failed = flowstead.run("flow", "test", str(folder), check=False)
    assert failed.returncode == 1
    assert "✗ count" in failed.stderr
    assert "ZeroDivisionError" in failed.stderr
    (folder / "count.py").write_text("def (")
    checked = flowstead.run("flow", "validate", str(folder), check=False)
    assert checked.returncode == 1
    assert checked.stdout.startswith("count.py:1:5: error: ")
    assert "count" not in [each["name"] for each in flowstead.json("flow", "list")]


def test_archives_and_folders_go_in_and_out(flowstead: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "graded"
    flowstead.run("flow", "init", "graded", "--template", "evaluation", "--path", str(folder))
    (folder / ".amlignore").write_text("*.tmp\n")
    (folder / "left.tmp").write_text("out")
    (folder / ".env").write_text("KEY=1")
    assert "warning: .env goes along" in flowstead.run("flow", "push", str(folder)).stderr
    archive, copy = tmp_path / "graded.zip", tmp_path / "copy"
    flowstead.run("flow", "export", "graded", "-o", str(archive))
    with zipfile.ZipFile(archive) as opened:
        assert "flow.dag.yaml" in opened.namelist()
        assert "left.tmp" not in opened.namelist()
    flowstead.run("flow", "import", str(archive), "--name", "copied")
    flowstead.run("flow", "export", "copied", "-o", str(copy))
    assert (copy / "grade.py").read_bytes() == (folder / "grade.py").read_bytes()
    shown = flowstead.json("flow", "show", "copied")
    assert (shown["type"], shown["versions"][0]["note"]) == ("evaluation", "imported")
    flowstead.run("flow", "delete", "copied", "--yes")
    assert flowstead.run("flow", "show", "copied", check=False).returncode == 3


def test_the_workspaces_connections_reach_a_test(own_flowstead: Installation, tmp_path: Path) -> None:
    """On a workspace of its own: a connection reaches every flow that names it."""
    folder = tmp_path / "asks"
    own_flowstead.run("flow", "init", "asks", "--template", "chat", "--path", str(folder))
    with FakeLlm() as provider:
        connection = tmp_path / "connection.yml"
        connection.write_text(
            f"name: open_ai_connection\ntype: open_ai\napi_key: any-key-will-do\nbase_url: {provider.url}/v1\n"
        )
        own_flowstead.run("connection", "create", "--file", str(connection))
        tested = own_flowstead.run("flow", "test", str(folder), "--inputs", "question=Why? [[say: Because.]]")
    assert json.loads(tested.stdout) == {"answer": "Because."}
    assert "✓ ask" in tested.stderr


SLOW = """\
import os, pathlib, time
from promptflow.core import tool

@tool
async def say(text: str):
    pathlib.Path.home().joinpath(text).write_text(str(os.getpid()))
    time.sleep(600)
"""

WAIT = """\
    try:
        await asyncio.sleep(600)
    finally:
        pathlib.Path.home().joinpath(text + ".ended").touch()
"""


@pytest.mark.parametrize("how", ["kill", "leave"])
def test_no_test_outlives_its_server_or_its_caller(own_flowstead: Installation, tmp_path: Path, how: str) -> None:
    folder, scratch = tmp_path / "slow", own_flowstead.home / "scratch"
    own_flowstead.run("flow", "init", "slow", "--path", str(folder))
    code = (
        SLOW if how == "kill" else SLOW.replace("    time.sleep(600)", WAIT).replace("import os", "import asyncio, os")
    )
    (folder / "say.py").write_text(code)
    (folder / "flow.dag.yaml").write_text(
        (folder / "flow.dag.yaml").read_text().replace("path: count.py", "path: say.py")
    )
    own_flowstead.run("flow", "push", str(folder))
    url = f"{own_flowstead.url}{WORKSPACE}/flows/slow/test"
    headers = {"Authorization": f"Bearer {own_flowstead.token()}"}
    body = {"inputs": {"text": "pid"}}
    with httpx.stream("POST", url, json=body, headers=headers, timeout=60) as answer:
        assert answer.status_code == 200
        mark = eventually("the flow runs", lambda: next(scratch.glob("*/pid"), None), within=60)
        pid = int(eventually("it says who it is", mark.read_text))
        if how == "kill":
            process = next(each for each in own_flowstead.processes() if pid_inside(each.pid) == pid)
            psutil.Process(own_flowstead.server_pid()).kill()
    if how == "leave":
        eventually("it is cancelled", mark.with_name("pid.ended").exists)
        return
    own_flowstead.up()
    eventually("the orphan is gone", lambda: not process.is_running())
