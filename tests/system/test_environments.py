"""Deployments that start from registered environments: packages, variables, logs, refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import WORKSPACE, Installation, write_flow

IMAGE = "mcr.microsoft.com/azureml/promptflow/promptflow-runtime:latest"
ENDPOINT = "of-environments"
FLOW = """\
import os

import tabulate
from promptflow.core import tool


@tool
def say(text: str) -> str:
    return f"{tabulate.__name__} {text} {os.environ.get('WHERE', '')}"
"""


@pytest.fixture
def model(flowstead: Installation, tmp_path: Path) -> Iterator[str]:
    """A flow that needs a package which it does not ask for, and an endpoint."""
    flow = write_flow(tmp_path / "flow", FLOW)
    version = flowstead.json("model", "create", "-n", ENDPOINT, "--path", str(flow))["version"]
    flowstead.run("online-endpoint", "create", "-n", ENDPOINT)
    yield f"azureml:{ENDPOINT}:{version}"
    flowstead.run("online-endpoint", "delete", "-n", ENDPOINT, "-y")


def register(flowstead: Installation, folder: Path, name: str, text: str) -> str:
    """The environment's reference."""
    (folder / f"{name}.yaml").write_text(f"name: {name}\n{text}")
    return f"azureml:{name}:{flowstead.json('environment', 'create', '-f', str(folder / f'{name}.yaml'))['version']}"


def deploy(flowstead: Installation, folder: Path, model: str, environment: str | None, *more: str) -> Any:
    """The finished command."""
    text = f"name: blue\nendpoint_name: {ENDPOINT}\nmodel: {model}\ninstance_type: Standard_F2s_v2\ninstance_count: 1\n"
    text += f"environment: {environment}\n" if environment else ""
    (folder / "deployment.yaml").write_text(text)
    given = ("online-deployment", "create", "-f", str(folder / "deployment.yaml"), "-o", "json", *more)
    return flowstead.run(*given, check=False)


def build_log(flowstead: Installation) -> str:
    which = ("-n", "blue", "-e", ENDPOINT)
    return str(
        flowstead.run(
            "online-deployment", "get-logs", *which, "--container", "storage-initializer", "--lines", "500"
        ).stdout
    )


def said(flowstead: Installation) -> Any:
    key = flowstead.keys(ENDPOINT)["primaryKey"]
    return flowstead.score(ENDPOINT, {"text": "here"}, key).json()


def test_packages_come_from_the_environment_alone(flowstead: Installation, tmp_path: Path, model: str) -> None:
    failed = deploy(flowstead, tmp_path, model, None)
    assert failed.returncode != 0
    assert "No module named 'tabulate'" in failed.stderr

    (tmp_path / "conda.yml").write_text("dependencies: [python>=3.11, pip, {pip: [tabulate==0.9.0]}]\n")
    conda = register(flowstead, tmp_path, "of-conda", f"image: {IMAGE}\nconda_file: conda.yml\n")
    made = deploy(flowstead, tmp_path, model, conda, "--all-traffic")
    assert made.returncode == 0, made.stderr
    shown = json.loads(made.stdout)
    assert shown["environment"].endswith("/environments/of-conda/versions/1")
    assert said(flowstead) == {"said": "tabulate here "}
    assert "Asked for by the environment:\n    tabulate==0.9.0\n" in build_log(flowstead)
    used = flowstead.api("DELETE", "/environments/of-conda/versions/1")
    assert (used.status_code, f"{ENDPOINT}/blue" in used.json()["error"]["message"]) == (409, True)

    context = tmp_path / "context"
    context.mkdir()
    (context / "requirements.txt").write_text("tabulate==0.9.0\n")
    (context / "Dockerfile").write_text(
        f"FROM {IMAGE}\nWORKDIR /app\nENV WHERE=built\nCOPY ./* ./\nRUN pip install -r requirements.txt\n"
    )
    built = register(flowstead, tmp_path, "of-context", "build:\n  path: context\n")
    made = deploy(flowstead, tmp_path, model, built)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["environment"].endswith("/environments/of-context/versions/1")
    assert said(flowstead) == {"said": "tabulate here built"}
    assert "    tabulate==0.9.0\n" in build_log(flowstead), "of the environment that was built for another one"
    assert flowstead.api("DELETE", "/environments/of-conda/versions/1").status_code == 200
    assert said(flowstead) == {"said": "tabulate here built"}


def test_what_nothing_can_start_from_is_refused_at_once(flowstead: Installation, tmp_path: Path, model: str) -> None:
    image = register(flowstead, tmp_path, "of-another-image", "image: docker.io/library/python:3.11\n")
    refused = deploy(flowstead, tmp_path, model, image)
    assert refused.returncode != 0
    assert "No deployment can start from the environment of-another-image:1" in refused.stderr
    assert "container engine" in refused.stderr

    (tmp_path / "conda.yml").write_text("dependencies: [python=3.39, {pip: [tabulate]}]\n")
    python = register(flowstead, tmp_path, "of-no-python", f"image: {IMAGE}\nconda_file: conda.yml\n")
    refused = deploy(flowstead, tmp_path, model, python)
    assert refused.returncode != 0
    assert "asks for Python 3.39; this machine has 3." in refused.stderr
    assert flowstead.api("GET", f"/onlineEndpoints/{ENDPOINT}/deployments/blue").status_code == 404


def test_lines_that_contradict_each_other_are_told_by_the_resolver(
    flowstead: Installation, tmp_path: Path, model: str
) -> None:
    flow = write_flow(tmp_path / "contradicting", FLOW, requirements="tabulate==0.8.10\n")
    version = flowstead.json("model", "create", "-n", ENDPOINT, "--path", str(flow))["version"]
    (tmp_path / "conda.yml").write_text("dependencies: [{pip: [tabulate==0.9.0]}]\n")
    conda = register(flowstead, tmp_path, "of-contradiction", f"image: {IMAGE}\nconda_file: conda.yml\n")
    failed = deploy(flowstead, tmp_path, f"azureml:{ENDPOINT}:{version}", conda)
    assert failed.returncode != 0
    shown = flowstead.api("GET", f"/onlineEndpoints/{ENDPOINT}/deployments/blue").json()["properties"]
    assert shown["provisioningState"] == "Failed"
    assert shown["environmentId"] == f"{WORKSPACE}/environments/of-contradiction/versions/1"
    assert shown["provisioningError"]["code"] == "ImageBuildFailure"
    for version in ("0.8.10", "0.9.0"):
        assert f"tabulate=={version}" in shown["provisioningError"]["message"]
        assert f"tabulate=={version}" in build_log(flowstead)
