"""Every shell block of the README runs, in order, in one shell, as a newcomer would paste it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from flowstead_runtime.testing.fake_llm import FakeLlm
from tests.installation import ROOT, Installation, eventually, free_port

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.S | re.M)
TWO_COMMANDS = ("make demo\n", "make test\n")


def test_the_two_commands_come_first() -> None:
    """`make demo` has a test of its own, `make test` is what runs this."""
    assert tuple(BLOCKS[:2]) == TWO_COMMANDS


@pytest.mark.timeout(300)
def test_the_blocks_run_in_order(tmp_path: Path) -> None:
    port = free_port()
    with FakeLlm() as provider:
        script = "".join(BLOCKS[2:])
        # The port may be taken on this machine, the provider costs money, and `make setup` has been done.
        for written, here in (
            ("make setup\n", ""),
            ('"$PWD/.venv/bin:', f'"{ROOT}/.venv/bin:'),
            ("flowstead doctor", f"flowstead doctor --port {port}"),
            ("flowstead up --detach", f"flowstead up --detach --port {port}"),
            ("127.0.0.1:8080", f"127.0.0.1:{port}"),
            ("https://api.openai.com/v1", f"{provider.url}/v1"),
            ("YOUR-KEY", "a-key"),
        ):
            assert written in script, written
            script = script.replace(written, here)
        (tmp_path / "examples").symlink_to(ROOT / "examples")
        installation = Installation(tmp_path / "home", port)
        try:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=tmp_path,
                env={**os.environ, "FLOWSTEAD_HOME": str(installation.home)},
                capture_output=True,
                text=True,
                timeout=280,
                check=False,
            )
        finally:
            installation.run("down", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Hello Ada Lovelace, also known as ada-lovelace" in done.stdout
    assert "also known as grace-hopper" in done.stdout
    eventually("nothing is left running", lambda: installation.processes() == [])


def test_files_that_the_documents_name_exist() -> None:
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text("utf-8")):
            assert "://" in link or (document.parent / link).exists(), f"{document.name}: {link}"
