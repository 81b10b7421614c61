"""What is said of files, folders and values that are named on the command line and cannot be taken."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import httpx
import pytest

from flowstead.cli.running import run
from flowstead.client import FlowsteadClient
from flowstead.errors import BadArgument
from flowstead.resources.named_file import read_named
from server.tests.unit.scripted_server import ScriptedServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    server = ScriptedServer()
    monkeypatch.setattr(FlowsteadClient, "of", lambda home: server.client())
    return server


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(arguments) == 1
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["flow", "import", "nofile.zip"], "FILE.zip: cannot read nofile.zip: No such file or directory."),
        (["flow", "import", "."], "FILE.zip: cannot read .: Is a directory."),
        (["flow", "import", "/dev/zero"], "FILE.zip: cannot read /dev/zero: it is a device or a pipe."),
        (["online-endpoint", "invoke", "-n", "e", "-r", "/dev/zero"], "--request-file: cannot read /dev/zero"),
        (["deploy", "FOLDER", "--connections", "/dev/zero"], "--connections: cannot read /dev/zero"),
        (["flow", "test", "FOLDER", "--inputs", "gone.json"], "--inputs: cannot read gone.json"),
        (["online-deployment", "create", "-f", "PIPE"], "it is a device or a pipe."),
        (["flow", "init", "f", "--path", "/proc/x"], "--path: cannot write /proc/x"),
        (["flow", "export", "f", "-o", "/proc/x.zip"], "--output: cannot write /proc/x.zip"),
        (["model", "download", "-n", "m", "-p", "/proc"], "--download-path: cannot write /proc/m"),
    ],
)
def test_a_place_that_cannot_be_taken_is_told_with_its_option(
    server: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    (tmp_path / "flow").mkdir()
    (tmp_path / "flow" / "flow.dag.yaml").write_text("nodes: []\n")
    os.mkfifo(tmp_path / "pipe")
    uri = "azureml://datastores/workspaceblobstore/paths/LocalUpload/x"
    server.resources["models/m/versions/1"] = {"name": "1", "properties": {"modelUri": uri}}
    server.blobs["LocalUpload/x/a"] = b"a"
    server.refuse = lambda method, path, body: httpx.Response(200, content=b"PK") if path == "flows/f/export" else None
    places = {"FOLDER": str(tmp_path / "flow"), "PIPE": str(tmp_path / "pipe")}
    message = said(capsys, *(places.get(each, each) for each in arguments))
    assert message.startswith("error: BadArgument: "), message
    assert words in message


def test_a_file_is_read_to_its_bound(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"12345")
    assert read_named(file, 5) == b"12345"
    with pytest.raises(BadArgument, match="Cannot read .*: it has more than 4 bytes"):
        read_named(file, 4)
    with pytest.raises(BadArgument, match="null byte"):
        read_named(Path("a\0b"), 4)


def test_what_the_shell_hands_over_is_read() -> None:
    """`-f <(envsubst < deployment.yml)`."""
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb") as opened:
            opened.write(b"a: 1\n")

    threading.Timer(0.05, write).start()
    try:
        assert read_named(Path(f"/dev/fd/{reader}"), 100) == b"a: 1\n"
    finally:
        os.close(reader)


@pytest.mark.parametrize(
    "arguments",
    [
        ["online-deployment", "create", "-n", "blue", "-e", "foo", "--set", "instance_count=abc"],
        ["online-endpoint", "create", "-n", "foo", "--auth-mode", "nonsense"],
    ],
)
def test_what_stands_in_no_file_is_not_to_be_corrected_in_one(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    message = said(capsys, *arguments)
    assert "next: Correct the option and run the command again." in message


def test_a_home_that_is_no_directory_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWSTEAD_HOME", "/etc/passwd")
    assert run(["model", "list"]) != 0
    assert "The home /etc/passwd is not a directory." in capsys.readouterr().err
