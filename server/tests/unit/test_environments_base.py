from __future__ import annotations

from pathlib import Path

import pytest

from flowstead.environments.base import base_environment
from flowstead.errors import BadArgument
from flowstead.resources.environment import BaseEnvironment, EnvironmentVersionSpec

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
    with pytest.raises(BadArgument, match="user or password") as refused:
        conda("dependencies: [{pip: ['--index-url https://me:hunter2hunter2@packages.example/simple']}]\n")
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
    ],
)
def test_dockerfiles_that_copy_and_install(tmp_path: Path, text: str) -> None:
    assert dockerfile(tmp_path, text).requirements == "python-slugify==8.0.4\n"


def test_variables_of_a_dockerfile(tmp_path: Path) -> None:
    text = 'FROM IMAGE\nENV A=1 B="2 words"\nENV C=${A}x\nENV OLD the rest\nRUN pip install -i https://p.example/s x\n'
    base = dockerfile(tmp_path, text)
    assert base.variables == {"A": "1", "B": "2 words", "C": "1x", "OLD": "the rest"}
    assert base.requirements == "-i https://p.example/s\nx\n"


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
    ],
)
def test_anything_else_is_refused_by_line(tmp_path: Path, text: str, line: int, why: str) -> None:
    with pytest.raises(BadArgument) as refused:
        dockerfile(tmp_path, text)
    assert str(refused.value).startswith(f"Line {line} of the Dockerfile")
    assert why in str(refused.value)
    assert "container engine" in str(refused.value)


def test_a_link_in_the_context_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").symlink_to("/etc/passwd")
    with pytest.raises(BadArgument, match="cannot be read"):
        dockerfile(tmp_path, "FROM IMAGE\nCOPY secret /r.txt\nRUN pip install -r /r.txt\n")
