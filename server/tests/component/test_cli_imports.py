"""A command starts quickly because it imports only what it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        (["--help"], {"httpx", "yaml", "rich", "fastapi", "sqlalchemy", "psutil", "jmespath"}),
        (["online-endpoint", "--help"], {"fastapi", "sqlalchemy", "jmespath", "uvicorn"}),
        (["deploy", "--help"], {"fastapi", "sqlalchemy", "jmespath", "uvicorn"}),
        (["status", "--help"], {"fastapi", "sqlalchemy", "jmespath", "uvicorn"}),
        (["up", "--help"], {"fastapi", "sqlalchemy", "jmespath", "uvicorn", "httpx"}),
    ],
)
def test_a_command_imports_only_what_it_needs(words: list[str], unwanted: set[str]) -> None:
    """Import time is what a user waits for; modules are counted, since times differ from machine to machine."""
    code = (
        "import sys; from flowstead.cli.running import run; run(sys.argv[1:]);"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert unwanted & set(done.stderr.split()) == set()
