"""Whatever a Dockerfile or a conda file holds, it is understood or refused; nothing else happens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from flowstead.environments.base import base_environment
from flowstead.errors import BadArgument
from flowstead.resources.environment import EnvironmentVersionSpec

MANY = 20 if os.environ.get("FLOWSTEAD_TEST_COUNTS") == "full" else 1
DOCKERFILE = """RUN |pip install |python -m pip install |COPY |ADD |ENV |ARG |WORKDIR |FROM promptflow-runtime|USER
bash -c |cd |-r |-i |https://h/s|https://me:pw@h/s|r.txt|sub|x>=1|A=1|$A|${A:-b}|--mount=x |<<EOF|&&|;|'|"|[|]|,|*|..
/|#|`|(|>|\\|=| |é|\t|\0"""
CONDA = """dependencies:|variables:|channels: []|- |  |pip:|python|=|3.11|>=|numpy|A: 1|!!x|&a|*a|[|]|{|}|:|,|'|"|null
-r a|file:///x|https://me:pw@h|conda-forge::|\t|\0"""


def made_of(pieces: str) -> some.SearchStrategy[str]:
    known = some.sampled_from([piece for line in pieces.split("\n") for piece in line.split("|")] + ["\n", "\\\n"])
    return some.lists(known | some.text(max_size=3), max_size=20).map("".join)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("context")
    (folder / "sub").mkdir()
    (folder / "r.txt").write_text("x\n-r sub/r.txt\n")
    (folder / "sub" / "r.txt").write_text("-r ../r.txt\n")
    return folder


@settings(max_examples=200 * MANY, deadline=None)
@given(text=made_of(DOCKERFILE))
def test_any_dockerfile(context: Path, text: str) -> None:
    (context / "Dockerfile").write_bytes(f"FROM promptflow-runtime\n{text}".encode("utf-8", "surrogatepass"))
    spec = EnvironmentVersionSpec(context_uri="u", dockerfile_path="Dockerfile")
    try:
        base_environment(spec, context)
    except BadArgument as refused:
        assert ":pw@" not in str(refused)


@settings(max_examples=200 * MANY, deadline=None)
@given(text=made_of(CONDA))
@example(text="!!xhttps://me:pw@h")
@example(text="dependencies: ['https://me:pw@h/x']")
@example(text="dependencies: [['https://me:pw@h/x']]")
def test_any_conda_file(text: str) -> None:
    try:
        base_environment(EnvironmentVersionSpec(image="promptflow-runtime", conda_file=text), None)
    except BadArgument as refused:
        assert ":pw@" not in str(refused)
