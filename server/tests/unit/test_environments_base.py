from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from flowstead.environments.base import base_environment
from flowstead.errors import BadArgument
from flowstead.resources.environment import BaseEnvironment, EnvironmentVersionSpec
from flowstead.resources.inference import Inference

IMAGE = "mcr.microsoft.com/azureml/promptflow/promptflow-runtime:latest"


def conda(text: str) -> str:
    return base_environment(EnvironmentVersionSpec(image=IMAGE, conda_file=text), None).requirements


def dockerfile(folder: Path, text: str, **files: str) -> BaseEnvironment:
    (folder / "Dockerfile").write_text(text.replace("IMAGE", IMAGE))
    for name, content in {"requirements.txt": "python-slugify==8.0.4\n", **files}.items():
        (folder / name).write_text(content)
    return base_environment(EnvironmentVersionSpec(context_uri="u", dockerfile_path="Dockerfile"), folder)


@pytest.mark.parametrize(
    "image",
    [
        IMAGE,
        "mcr.microsoft.com/azureml/promptflow/promptflow-runtime-stable:20240404.v1",
        "mcr.microsoft.com/azureml/promptflow/promptflow-runtime@sha256:0123",
        "promptflow-runtime",
        "mcr.microsoft.com/azureml/promptflow/promptflow-python:latest",
    ],
)
def test_a_runtime_image_adds_nothing(image: str) -> None:
    assert base_environment(EnvironmentVersionSpec(image=image), None) == BaseEnvironment()


@pytest.mark.parametrize(
    "image", ["python:3.11", "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04", "not-promptflow-runtime/other"]
)
def test_another_image_needs_an_engine(image: str) -> None:
    with pytest.raises(BadArgument, match="container engine") as refused:
        base_environment(EnvironmentVersionSpec(image=image), None)
    assert refused.value.target == "properties.image"


ROUTES = {
    "livenessRoute": {"path": "/alive", "port": 5001},
    "readinessRoute": {"path": "/ready", "port": "5001"},
    "scoringRoute": {"path": "/v1/models/m:predict", "port": 5001},
}


def of_image(routes: dict[str, Any] | None = None, **fields: Any) -> BaseEnvironment:
    spec = EnvironmentVersionSpec(image="python:3.12", inference_config=routes or {}, **fields)
    return base_environment(spec, None, has_engine=True)


def test_with_an_engine_another_image_is_started_from_with_the_runtime_on_top() -> None:
    assert of_image() == BaseEnvironment(image="python:3.12")
    runtime = {"scoringRoute": {"path": "/score", "port": 8080}, "livenessRoute": {"path": "/health", "port": 8080}}
    assert of_image(runtime) == BaseEnvironment(image="python:3.12")
    conda = of_image(conda_file="dependencies: [python=3.12, {pip: [tabulate]}]")
    assert (conda.image, conda.requirements.strip()) == ("python:3.12", "tabulate")


def test_an_image_s_own_server_is_reached_by_its_routes() -> None:
    assert of_image(ROUTES).inference == Inference(5001, "/alive", "/ready", "/v1/models/m:predict")
    alone = {"scoringRoute": {"path": "/predict", "port": 80}}
    assert of_image(alone).inference == Inference(80, "/", "/", "/predict")
    one = {"livenessRoute": {"path": "/up", "port": 80}, **alone}
    assert of_image(one).inference == Inference(80, "/up", "/up", "/predict")


@pytest.mark.parametrize(
    ("routes", "why"),
    [
        ({**ROUTES, "livenessRoute": {"path": "/alive", "port": 5002}}, "do not name one port"),
        ({"scoringRoute": {"path": "/x", "port": "70000"}}, "do not name one port"),
        ({"scoringRoute": {"path": "/x", "port": "http"}}, "do not name one port"),
        ({"livenessRoute": {"path": "/alive", "port": 5001}}, "no scoringRoute"),
        ({"scoringRoute": {"path": "score", "port": 5001}}, "'score' is not a path"),
        ({"scoringRoute": {"path": "/a b", "port": 5001}}, "is not a path"),
        ({"scoringRoute": {"path": "/a\\1", "port": 5001}}, "is not a path"),
        ({**ROUTES, "readinessRoute": {"path": "/r\r\nX: y", "port": 5001}}, "is not a path"),
    ],
)
def test_routes_that_reach_no_server_are_refused(routes: dict[str, Any], why: str) -> None:
    with pytest.raises(BadArgument, match=re.escape(why)) as refused:
        of_image(routes)
    assert str(refused.value.target).startswith("properties.inferenceConfig")


def test_an_engine_builds_what_is_more_than_files_and_pip(tmp_path: Path) -> None:
    def of_context(text: str) -> BaseEnvironment:
        (tmp_path / "Dockerfile").write_text(text)
        spec = EnvironmentVersionSpec(context_uri="u", context_hash="h", dockerfile_path="Dockerfile")
        return base_environment(spec, tmp_path, has_engine=True)

    assert of_context("FROM python:3.12\nRUN apt-get install x\n") == BaseEnvironment(
        context_hash="h", dockerfile="Dockerfile"
    )
    understood = of_context(f"FROM {IMAGE}\nRUN pip install tabulate\n")
    assert (understood.needs_engine, understood.requirements.strip()) == (False, "tabulate")
    with pytest.raises(BadArgument, match="looks like a secret"):
        of_context("FROM python:3.12\nENV API_KEY=sk-0123456789abcdef0123456789abcdef\n")


def test_the_pip_part_of_a_conda_file_is_taken() -> None:
    text = """\
name: model-env
channels: [conda-forge, defaults]
dependencies:
  - python=3.9
  - conda-forge::pip=23.1
  - setuptools
  - pip:
    - python-slugify==8.0.4
    - --extra-index-url https://packages.example/simple
    - promptflow-tools
"""
    assert conda(text) == (
        "python-slugify==8.0.4\n--extra-index-url https://packages.example/simple\npromptflow-tools\n"
    )
    assert conda("dependencies:\n- python\n") == conda("name: x\n") == ""


@pytest.mark.parametrize(
    ("written", "versions"),
    [
        ("python", ""),
        ("python=3.11", "==3.11.*"),
        ("conda-forge::python = 3.11.*", "==3.11.*"),
        ("conda-forge/linux-64::python=3.9", "==3.9.*"),
        ("Python==3.10", "==3.10.*"),
        ("python==3.10.4", "==3.10.4"),
        ("python=3.10.4", "==3.10.4.*"),
        ("python 3.12", "==3.12.*"),
        ("python=3.11.4=h955ad1f_0_cpython", "==3.11.4.*"),
        ("python 3.11.4 h955ad1f_0", "==3.11.4.*"),
        ("python>=3.9,<3.13", ">=3.9,<3.13"),
        ("python >=3.9, !=3.10.*", ">=3.9,!=3.10.*"),
        ("python~=3.11", "~=3.11"),
        ("python[version='>=3.9,<4']", ">=3.9,<4"),
        ("python=3", "==3.*"),
    ],
)
def test_the_python_of_a_conda_file(written: str, versions: str) -> None:
    text = f"dependencies: [{json.dumps(written)}, pip]\n"
    assert base_environment(EnvironmentVersionSpec(image=IMAGE, conda_file=text), None).python == versions


@pytest.mark.parametrize("written", ["python=3.10|3.11", "python=x", "python=", "python>>3", "python=3.11rc1"])
def test_a_python_that_is_not_understood_is_refused(written: str) -> None:
    with pytest.raises(BadArgument, match="not understood"):
        conda(f"dependencies: [{json.dumps(written)}]\n")


def test_packages_that_only_conda_has_are_all_named() -> None:
    with pytest.raises(BadArgument, match=r"asks conda for numpy=1\.26, conda-forge::pytorch>=2; there is no conda"):
        conda("dependencies: [python=3.11, numpy=1.26, 'conda-forge::pytorch>=2', {pip: [x]}]\n")


@pytest.mark.parametrize(
    "text",
    ["- a\n", "dependencies: x\n", "dependencies: [{npm: [x]}]\n", "dependencies: [3]\n", "a: [\n", "a: !!x y\n"],
)
def test_what_is_no_conda_file_is_refused(text: str) -> None:
    with pytest.raises(BadArgument) as refused:
        conda(text)
    assert refused.value.target == "properties.condaFile"


def test_lines_that_reach_outside_are_refused() -> None:
    for line in ("-e ./lib", "file:///etc/passwd", "-r /etc/passwd"):
        with pytest.raises(BadArgument, match="refused"):
            conda(f"dependencies: [{{pip: ['{line}']}}]\n")
    for user in ("me:hunter2hunter2", "me:pw", ":pw", "hunter2token"):
        with pytest.raises(BadArgument, match="a password or a signature") as refused:
            conda(f"dependencies: [{{pip: ['--index-url https://{user}@packages.example/simple']}}]\n")
        assert user not in str(refused.value)
    assert "git@" in conda("dependencies: [{pip: ['x @ git+ssh://git@github.com/x/x.git@v1']}]\n")


def test_variables_of_a_conda_file() -> None:
    spec = EnvironmentVersionSpec(image=IMAGE, conda_file="variables: {A: 1, B: two, PATH: /x}\n")
    assert base_environment(spec, None) == BaseEnvironment(variables={"A": "1", "B": "two"})
    for text, said in (
        ("variables: [A]\n", "not a mapping"),
        ("variables: {A: [1]}\n", "not a mapping"),
        ("variables: {A B: 1}\n", "'A B' is not NAME=VALUE"),
        ("variables: {SOME_API_KEY: hunter2hunter2}\n", "SOME_API_KEY looks like a secret"),
        ("variables: {FLOWSTEAD_DATA_COLLECTOR: x}\n", "is set by the server"),
    ):
        with pytest.raises(BadArgument, match=said) as refused:
            conda(text)
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "FROM IMAGE\nCOPY ./* /\nRUN pip install -r requirements.txt\n",
        "# a comment\nFROM IMAGE AS base\n\nCOPY . .\nRUN pip install -r requirements.txt\n",
        "FROM IMAGE\nWORKDIR /app\nADD requirements.txt ./\nRUN python -m pip install -q -r ./requirements.txt\n",
        "FROM IMAGE\nCOPY requirements.txt /tmp/r.txt\nRUN pip3 install -U --no-cache-dir -r/tmp/r.txt\n",
        "FROM IMAGE\nCOPY *.txt /deps/\nRUN cd /deps && \\\n    pip install \\\n    -r requirements.txt\n",
        'FROM IMAGE\nCOPY ["requirements.txt", "/x/"]\nRUN ["pip", "install", "-r", "/x/requirements.txt"]\n',
        "ARG TAG=latest\nFROM mcr.example/promptflow-runtime:${TAG}\nRUN pip install python-slugify==8.0.4\n",
        "FROM IMAGE\nLABEL a=b\nUSER root\nRUN --mount=type=cache,target=/c pip install 'python-slugify==8.0.4'\n",
        "FROM IMAGE\nARG V=8.0.4\nRUN pip install python-slugify==$V\n",
        "ARG V=8.0.4\nFROM IMAGE\nARG V\nRUN pip install python-slugify==${V:-1}\n",
        "FROM IMAGE\nWORKDIR /app\nCOPY requirements.txt /app\nRUN pip install -r requirements.txt\n",
        "FROM IMAGE\nCOPY requirements.txt /tmp\nRUN pip install --requirement=/tmp/requirements.txt\n",
        "from IMAGE\nrun\tset -ex; mkdir -p /x && pip install python-slugify==8.0.4 && pip cache purge\n",
        "FROM IMAGE\r\nRUN bash -lc 'pip install python-slugify==8.0.4'\r\n",
        'FROM IMAGE\nRUN ["/bin/sh", "-c", "/opt/conda/bin/pip3.9 install python-slugify==8.0.4"]\n',
        "FROM IMAGE\nRUN uv pip install --system --no-cache python-slugify==8.0.4 && rm -rf /root/.cache\n",
        "# syntax=x\nFROM --platform=x IMAGE\nCOPY --chown=a:b r*.txt r.txt\nRUN python3.11 -m pip install -r r.txt\n",
    ],
)
def test_dockerfiles_that_copy_and_install(tmp_path: Path, text: str) -> None:
    assert dockerfile(tmp_path, text).requirements == "python-slugify==8.0.4\n"


def test_variables_of_a_dockerfile(tmp_path: Path) -> None:
    text = 'FROM IMAGE\nENV A=1 B="2 words"\nENV C=${A}x\nENV OLD the rest\nRUN pip install -i https://p.example/s x\n'
    base = dockerfile(tmp_path, text)
    assert base.variables == {"A": "1", "B": "2 words", "C": "1x", "OLD": "the rest"}
    assert base.requirements == "-i https://p.example/s\nx\n"


def test_conditions_in_quotes_are_no_commands(tmp_path: Path) -> None:
    text = """FROM IMAGE\nRUN pip install "a>=1,<2; python_version > '3.8'" b>=2 'c[x] @ https://h.example/c.whl'\n"""
    wanted = "a>=1,<2; python_version > '3.8'\nb>=2\nc[x] @ https://h.example/c.whl\n"
    assert dockerfile(tmp_path, text).requirements == wanted


def test_where_things_lie_in_an_image_is_not_taken_over(tmp_path: Path) -> None:
    text = "FROM IMAGE\nENV PATH=/opt/x:$PATH PYTHONPATH=/app KEPT=1\n"
    assert dockerfile(tmp_path, text).variables == {"KEPT": "1"}


def test_secrets_of_a_dockerfile_are_refused_unsaid(tmp_path: Path) -> None:
    for text in ("ENV OPENAI_API_KEY=hunter2hunter2", "ENV A=https://me:hunter2hunter2@h.example"):
        with pytest.raises(BadArgument, match="looks like a secret") as refused:
            dockerfile(tmp_path, f"FROM IMAGE\n{text}\n")
        assert "hunter2" not in str(refused.value)
    with pytest.raises(BadArgument) as refused:
        dockerfile(tmp_path, "FROM IMAGE\nRUN curl https://me:hunter2hunter2@h.example/x\n")
    assert "hunter2" not in str(refused.value)
    with pytest.raises(BadArgument) as refused:
        dockerfile(tmp_path, f"FROM IMAGE\nRUN curl {'-v ' * 32} https://me:hunter2hunter2@h.example/x\n")
    assert "hunter2" not in str(refused.value), "nor a part of it, where the command is cut off"


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("ENV A=aaaaaaaa\n" + "ENV A=$A$A$A$A\n" * 20, {}),
        ("ENV A=1\n" * 1000, {}),
        (f"COPY . /\nRUN {' && '.join(['pip install -r /big.txt'] * 4)}\n", {"big.txt": "some-package\n" * 50_000}),
        (
            "COPY . /\nRUN pip install -r /0.txt\n",
            {f"{n}.txt": f"-r {n + 1}.txt\n-r {n + 1}.txt\n" for n in range(19)} | {"19.txt": "x\n"},
        ),
    ],
    ids=["variables", "instructions", "requirements", "includes"],
)
def test_a_dockerfile_that_grows_is_refused_soon(tmp_path: Path, text: str, files: dict[str, str]) -> None:
    began = time.monotonic()
    with pytest.raises(BadArgument, match="too m|more than"):
        dockerfile(tmp_path, f"FROM IMAGE\n{text}", **files)
    assert time.monotonic() - began < 5.0


@pytest.mark.parametrize(
    ("config", "refused"),
    [
        ({}, ""),
        ({"scoringRoute": {"path": "/score", "port": 8080}, "livenessRoute": {"path": "/health", "port": 8080}}, ""),
        ({"readinessRoute": {"path": "/", "port": "8080"}, "livenessRoute": None}, ""),
        ({"scoringRoute": {"path": "/predict", "port": 8080}}, "scoringRoute"),
        ({"scoringRoute": {"path": "/score", "port": 5001}}, "scoringRoute"),
        ({"livenessRoute": {"path": "/alive", "port": 8080}}, "livenessRoute"),
        ({"readinessRoute": {"path": ["x"], "port": 8080}}, "readinessRoute"),
    ],
)
def test_routes_are_those_of_the_runtime(config: dict[str, Any], refused: str) -> None:
    spec = EnvironmentVersionSpec(image=IMAGE, inference_config=config)
    if not refused:
        assert base_environment(spec, None) == BaseEnvironment()
        return
    with pytest.raises(BadArgument, match="does not serve") as problem:
        base_environment(spec, None)
    assert problem.value.target == f"properties.inferenceConfig.{refused}"


def test_windows_is_refused() -> None:
    with pytest.raises(BadArgument, match="one of Windows"):
        base_environment(EnvironmentVersionSpec(image=IMAGE, os_type="Windows"), None)


def test_each_command_may_have_an_index_of_its_own(tmp_path: Path) -> None:
    runs = ("-i https://a.example/s x", "-i https://a.example/s y", "--index-url=https://b.example/s z")
    text = "FROM IMAGE\n" + "".join(f"RUN pip install {each}\n" for each in runs)
    wanted = "-i https://a.example/s\nx\ny\n--extra-index-url https://b.example/s\nz\n"
    assert dockerfile(tmp_path, text).requirements == wanted


def test_requirements_that_include_others(tmp_path: Path) -> None:
    text = "FROM IMAGE\nCOPY . /app\nRUN pip install -r /app/all.txt\n"
    files = {"all.txt": "-r requirements.txt\n-c pins.txt\nx\n", "pins.txt": "y==1\n"}
    assert dockerfile(tmp_path, text, **files).requirements == "python-slugify==8.0.4\ny==1\nx\n"
    with pytest.raises(BadArgument, match="includes itself"):
        dockerfile(tmp_path, text, **{"all.txt": "-r all.txt\n"})


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("FROM python:3.11\n", 1, "python:3.11 is not a promptflow-runtime image"),
        ("RUN pip install x\n", 1, "comes before FROM"),
        ("FROM IMAGE\nRUN apt-get update && pip install x\n", 2, "`apt-get update` is not `pip install`"),
        ("FROM IMAGE\n\nRUN pip install \\\n  x\nRUN make\n", 5, "`make` is not"),
        ("FROM IMAGE\nRUN pip install -e .\n", 2, "is not `pip install`"),
        ("FROM IMAGE\nRUN pip install -r requirements.txt\n", 2, "has not been copied to /requirements.txt"),
        ("FROM IMAGE\nCOPY missing.txt /\n", 2, "'missing.txt' is not in the build context"),
        ("FROM IMAGE\nCOPY ../../etc/passwd /\n", 2, "leaves the build context"),
        ("FROM IMAGE\nCOPY --from=other /a /b\n", 2, "copies from another image"),
        ("FROM IMAGE\nADD https://files.example/a.txt /\n", 2, "fetches https://files.example/a.txt"),
        ("FROM IMAGE\nFROM IMAGE\n", 2, "second stage"),
        ("FROM IMAGE\nCMD python app.py\n", 2, "more than copying"),
        ("FROM IMAGE\nRUN <<EOF\npip install x\nEOF\n", 2, "holds a script"),
        ("FROM IMAGE\nRUN pip install 'x\n", 2, "cannot be read"),
        ("FROM IMAGE\nRUN pip install x || true\n", 2, "more than commands one after the other"),
        ("FROM IMAGE\nRUN pip install x > /dev/null\n", 2, "more than commands"),
        ("FROM IMAGE\nRUN pip install x 2>&1 | tee log\n", 2, "more than commands"),
        ("FROM IMAGE\nRUN pip install $(cat x)\n", 2, "holds a script"),
        ("FROM IMAGE\nRUN conda install -y numpy\n", 2, "`conda install -y numpy` is not"),
        ("FROM IMAGE\nRUN pip install --target /x y\n", 2, "is not `pip install` of packages"),
        ("FROM IMAGE\nENV A\n", 2, "'A' is not NAME=VALUE"),
        ("FROM IMAGE\nENV 1=2\n", 2, "'1' is not NAME=VALUE"),
        ("FROM IMAGE\nCOPY x\n", 2, "names no file"),
        ("FROM\n", 1, "nothing is not a promptflow-runtime image"),
    ],
)
def test_anything_else_is_refused_by_line(tmp_path: Path, text: str, line: int, why: str) -> None:
    with pytest.raises(BadArgument) as refused:
        dockerfile(tmp_path, text)
    assert str(refused.value).startswith(f"Line {line} of the Dockerfile")
    assert why in str(refused.value)
    assert "container engine" in str(refused.value)


@pytest.mark.parametrize("text", ["", "# nothing\n", "ARG A=b\n"])
def test_a_dockerfile_without_a_base_is_refused_as_a_whole(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadArgument, match=r"^The Dockerfile: there is no FROM\."):
        dockerfile(tmp_path, text)


def test_a_dockerfile_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match=r"^The Dockerfile: 'docker/Dockerfile' is not in the build context\."):
        base_environment(EnvironmentVersionSpec(context_uri="u", dockerfile_path="docker/Dockerfile"), tmp_path)


def test_a_dockerfile_may_start_from_the_newer_image(tmp_path: Path) -> None:
    text = "FROM mcr.microsoft.com/azureml/promptflow/promptflow-python:20250101.v1\nRUN pip install x\n"
    assert dockerfile(tmp_path, text).requirements == "x\n"


def test_a_link_in_the_context_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").symlink_to("/etc/passwd")
    with pytest.raises(BadArgument, match="cannot be read"):
        dockerfile(tmp_path, "FROM IMAGE\nCOPY secret /r.txt\nRUN pip install -r /r.txt\n")
