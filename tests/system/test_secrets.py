"""Secrets appear in no log, no error, no GET and no process list."""

from __future__ import annotations

import json
from pathlib import Path

import psutil

from tests.installation import ONE_NODE, Installation, write_flow

CODE = """\
import os

from promptflow.core import tool

print("started with", dict(os.environ))


@tool
def say(text: str) -> str:
    print(text, "with", dict(os.environ))
    if text == "fail":
        raise ValueError("nothing to say")
    return str(len(os.environ["MY_API_KEY"]))
"""
SECRET = "sk-flowstead-secret-7f3a9c"
CONNECTION_SECRET = "connection-secret-91bd22"
YAML_SECRET = "yaml-secret-5d10e8"


def test_secrets_reach_the_instance_and_nobody_else(flowstead: Installation, tmp_path: Path) -> None:
    connections = tmp_path / "connections.json"
    connections.write_text(json.dumps({"my_llm": {"type": "open_ai", "api_key": CONNECTION_SECRET}}))
    yaml = f"environment_variables:\n  IN_THE_YAML_API_KEY: {YAML_SECRET}\n{ONE_NODE}"
    flow = write_flow(tmp_path / "flow", CODE, yaml=yaml)
    said = flowstead.run(
        "deploy", str(flow), "--endpoint", "secretive", "--env", "MY_API_KEY", "--connections", str(connections),
        MY_API_KEY=SECRET,
    )  # fmt: skip
    keys = flowstead.keys("secretive")
    assert flowstead.score("secretive", {"text": "x"}, keys["primaryKey"]).json() == {"said": str(len(SECRET))}
    errors = flowstead.score("secretive", {"text": "fail"}, keys["primaryKey"]).text
    refused = flowstead.score("secretive", {"text": "x"}, "wrong").text

    secrets = [SECRET, CONNECTION_SECRET, YAML_SECRET, *keys.values()]
    shown = "\n".join(
        flowstead.api("GET", path).text
        for path in ("/onlineEndpoints", "/onlineEndpoints/secretive", "/onlineEndpoints/secretive/deployments",
                     "/onlineEndpoints/secretive/deployments/blue")
    )  # fmt: skip
    listed = "\n".join(" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"]))
    logs = "\n".join(f.read_text(errors="replace") for f in flowstead.home.rglob("*.log"))
    assert "started with" in logs
    assert "fail with" in logs
    command_output = (said.stdout + said.stderr).replace(keys["primaryKey"], "", 2)
    for secret in secrets:
        assert secret not in shown
        assert secret not in listed
        assert secret not in logs
        assert secret not in errors + refused
        assert secret not in command_output
    database = b"".join(f.read_bytes() for f in flowstead.home.glob("flowstead.db*"))
    for secret in secrets:
        assert secret.encode() not in database


LEAKY = """\
import os

from promptflow.core import tool


@tool
def say(text: str) -> str:
    raise RuntimeError(f"{text} is {os.environ[text]}")
"""


def test_an_error_of_the_flow_is_told_without_its_secrets(flowstead: Installation, tmp_path: Path) -> None:
    secrets = {
        "CONN_STR": "Server=x;Password=pw-in-connstr-5566",
        "DATABASE_URL": "postgres://user:pgpassw0rd77@host/db",
        "PLAIN_NAME": "sk-looks-like-a-key-0123456789",
        "IN_THE_YAML_API_KEY": "kept-in-the-yaml-4242",
    }
    yaml = f"environment_variables:\n  IN_THE_YAML_API_KEY: {secrets['IN_THE_YAML_API_KEY']}\n{ONE_NODE}"
    given = [word for name, value in secrets.items() if "YAML" not in name for word in ("--env", f"{name}={value}")]
    flow = write_flow(tmp_path / "flow", LEAKY, yaml=yaml)
    flowstead.run("deploy", str(flow), "--endpoint", "leaky", *given)
    key = flowstead.keys("leaky")["primaryKey"]
    for name, value in secrets.items():
        answer = flowstead.score("leaky", {"text": name}, key)
        assert answer.status_code == 424
        assert name in answer.text
        assert value not in answer.text
    logs = "".join(f.read_text(errors="replace") for f in (flowstead.home / "logs").rglob("*.log"))
    for value in secrets.values():
        assert value not in logs


def test_what_get_masks_can_be_put_back_unchanged(flowstead: Installation, tmp_path: Path) -> None:
    """An SDK updates by GET, change, PUT: the mask it sends back must not become the value."""
    flow = write_flow(tmp_path / "flow", CODE)
    flowstead.run("deploy", str(flow), "--endpoint", "masked", "--env", f"MY_API_KEY={SECRET}")
    path = "/onlineEndpoints/masked/deployments/blue"
    body = flowstead.api("GET", path).json()
    body["tags"] = {"changed": "yes"}
    assert flowstead.api("PUT", path, body).status_code == 200
    flowstead.run("online-deployment", "show", "--endpoint-name", "masked", "--name", "blue")
    key = flowstead.keys("masked")["primaryKey"]
    assert flowstead.score("masked", {"text": "x"}, key).json() == {"said": str(len(SECRET))}


def test_private_files_are_private(flowstead: Installation) -> None:
    for file in (flowstead.home / "credentials.json", *(flowstead.home / "keys").iterdir()):
        assert file.stat().st_mode & 0o077 == 0, file
    for file in flowstead.run_directory().rglob("*"):
        assert file.is_dir() or file.stat().st_mode & 0o077 == 0, file
    assert flowstead.run_directory().stat().st_mode & 0o077 == 0
