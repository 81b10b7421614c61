"""The unmodified `azure-ai-ml` SDK against the whole product, over HTTPS."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.testing.fake_llm import FakeLlm
from tests.installation import FULL, ROOT, Installation, write_flow
from tests.pinned_environment import python_with
from tests.sdk.contents import steps

HERE = Path(__file__).parent
WITHIN_S = 900
GREETER = """\
import os

from promptflow.core import tool


@tool
def say(text: str) -> str:
    if text == "fail":
        raise ValueError("as it was told to")
    return f"{os.environ.get('GREETING', 'nobody')} says {text}"
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeLlm]:
    with FakeLlm() as provider:
        yield provider


@pytest.fixture(scope="module")
def outcomes(flowstead: Installation, provider: FakeLlm, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Step → how it ended. The child has only the two variables that the SDK needs."""
    folder = tmp_path_factory.mktemp("journey")
    write_flow(folder / "flow", GREETER)
    settings = {
        **json.loads((flowstead.home / "credentials.json").read_text()),
        "url": flowstead.tls_url,
        "token": flowstead.token(),
        "llm": provider.url,
        "folder": str(folder),
        "large_mib": "150" if FULL else "70",
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    python = python_with("azure-ai-ml", HERE / "azure-ai-ml.txt", sys.executable)
    process = subprocess.Popen(
        [str(python), "-m", "tests.sdk.journey", str(folder / "settings.json")],
        env={
            "HOME": str(folder),
            "ARM_CLOUD_METADATA_URL": f"{flowstead.tls_url}/metadata/endpoints?api-version=2019-05-01",
            "REQUESTS_CA_BUNDLE": str(flowstead.home / "tls" / "ca.pem"),
        },
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said, errors = process.communicate(timeout=WITHIN_S)
    finally:
        process.kill()
    assert process.returncode == 0, errors[-4000:]
    lines = (line for line in said.splitlines() if line.startswith('{"chapter"'))
    return {f"{outcome['chapter']}/{outcome['step']}": outcome for outcome in map(json.loads, lines)}


@pytest.mark.timeout(WITHIN_S + 60)
@pytest.mark.parametrize("step", [f"{chapter}/{step}" for chapter, step in steps()])
def test_the_sdk(step: str, outcomes: Mapping[str, Any]) -> None:
    assert outcomes[step]["problem"] is None, outcomes[step]["problem"]
