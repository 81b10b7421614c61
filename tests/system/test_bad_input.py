"""What goes wrong says what, where, why and what to do, and loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.installation import ECHO, ONE_NODE, Installation, write_flow


def refused_before_anything_starts(flowstead: Installation, flow: Path, endpoint: str) -> str:
    done = flowstead.run("deploy", str(flow), "--endpoint", endpoint, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert flowstead.api("GET", f"/onlineEndpoints/{endpoint}").status_code == 404
    assert "Traceback" not in done.stderr
    return str(done.stderr)


@pytest.mark.parametrize(
    ("endpoint", "yaml", "wanted"),
    [
        ("bad-yaml", "nodes: [\n  - name: a", ["flow.dag.yaml", "2"]),
        ("no-file", ONE_NODE.replace("say.py", "gone.py"), ["gone.py", "say"]),
        ("unknown-type", ONE_NODE.replace("type: python", "type: pythn"), ["pythn", "say"]),
        ("no-node", ONE_NODE.replace("${say.output}", "${sya.output}"), ["sya"]),
        ("cycle", ONE_NODE.replace("${inputs.text}", "${say.output}"), ["say"]),
    ],
)
def test_a_broken_definition_is_refused_before_anything_starts(
    flowstead: Installation, tmp_path: Path, endpoint: str, yaml: str, wanted: list[str]
) -> None:
    said = refused_before_anything_starts(flowstead, write_flow(tmp_path / "flow", ECHO, yaml=yaml), endpoint)
    for word in wanted:
        assert word in said


def test_an_unknown_tool_is_named(flowstead: Installation, tmp_path: Path) -> None:
    yaml = ONE_NODE.replace("type: code\n    path: say.py", "type: package\n    tool: no.such.tool")
    said = refused_before_anything_starts(flowstead, write_flow(tmp_path / "flow", ECHO, yaml=yaml), "no-tool")
    assert "no.such.tool" in said


def test_a_folder_that_is_no_flow_is_refused(flowstead: Installation, tmp_path: Path) -> None:
    assert "holds no file" in refused_before_anything_starts(flowstead, tmp_path, "empty-folder")
    (tmp_path / "notes.txt").write_text("no flow")
    assert "flow.dag.yaml" in refused_before_anything_starts(flowstead, tmp_path, "no-flow")
    assert "nowhere" in refused_before_anything_starts(flowstead, tmp_path / "nowhere", "no-folder")


def failed(flowstead: Installation, flow: Path, endpoint: str) -> tuple[str, dict[str, str]]:
    """What the command said and the error that the deployment, still readable, shows."""
    done = flowstead.run("deploy", str(flow), "--endpoint", endpoint, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    shown = flowstead.api("GET", f"/onlineEndpoints/{endpoint}/deployments/blue").json()
    assert shown["properties"]["provisioningState"] == "Failed"
    return str(done.stdout + done.stderr), shown["properties"]["provisioningError"]


def test_a_requirement_that_cannot_be_resolved_gives_the_resolvers_own_words(
    flowstead: Installation, tmp_path: Path
) -> None:
    flow = write_flow(tmp_path / "flow", ECHO, requirements="iniconfig==99.99\n")
    said, error = failed(flowstead, flow, "unresolvable")
    assert error["code"] == "ImageBuildFailure"
    assert "iniconfig==99.99" in error["message"]
    assert "ImageBuildFailure" in said
    which = ("--endpoint-name", "unresolvable", "--name", "blue")
    assert "add --container storage-initializer" in flowstead.run("online-deployment", "get-logs", *which).stderr
    log = flowstead.run("online-deployment", "get-logs", *which, "--container", "storage-initializer").stdout
    assert "iniconfig==99.99" in log
    assert "iniconfig==99.99" in said


def test_a_flow_that_raises_at_import_shows_the_end_of_its_traceback(flowstead: Installation, tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "flow", ECHO + "\n\nraise RuntimeError('no moon tonight')\n")
    said, error = failed(flowstead, flow, "raises")
    assert error["code"] == "UserScriptInitFailed"
    for text in (said, error["message"]):
        assert "no moon tonight" in text
        assert "say.py" in text


def test_an_import_error_names_the_package_to_add(flowstead: Installation, tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "flow", "import bs4\n" + ECHO)
    said, error = failed(flowstead, flow, "no-package")
    assert error["code"] == "UserScriptImportError"
    assert "beautifulsoup4" in error["message"]
    assert "requirements.txt" in said


def test_a_failed_deployment_is_mended_by_deploying_again(flowstead: Installation, tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "flow", "raise RuntimeError('broken')\n" + ECHO)
    failed(flowstead, flow, "mended")
    write_flow(flow, ECHO)
    flowstead.run("deploy", str(flow), "--endpoint", "mended")
    key = flowstead.keys("mended")["primaryKey"]
    assert flowstead.score("mended", {"text": "x"}, key).json() == {"said": "you said x"}


def test_a_broken_new_version_leaves_the_old_one_serving(flowstead: Installation, tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "flow", ECHO)
    flowstead.run("deploy", str(flow), "--endpoint", "survivor")
    write_flow(flow, "raise RuntimeError('second version')\n" + ECHO)
    failed(flowstead, flow, "survivor")
    key = flowstead.keys("survivor")["primaryKey"]
    assert flowstead.score("survivor", {"text": "x"}, key).json() == {"said": "you said x"}


def test_a_failing_flow_answers_424_with_its_own_status_and_reason(flowstead: Installation, tmp_path: Path) -> None:
    code = ECHO.replace('return f"you said {text}"', 'raise ValueError(f"cannot say {text}")')
    flowstead.run("deploy", str(write_flow(tmp_path / "flow", code)), "--endpoint", "refuses")
    answer = flowstead.score("refuses", {"text": "x"}, flowstead.keys("refuses")["primaryKey"])
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == "400"
    assert answer.json()["error"]["code"] == "UserError"
    assert "cannot say x" in answer.json()["error"]["message"]


def test_bad_names_are_refused(flowstead: Installation, tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "flow", ECHO)
    for name in ("x", "1abc", "has_underscore", "a" * 33):
        done = flowstead.run("deploy", str(flow), "--endpoint", name, check=False)
        assert done.returncode != 0
        assert name in done.stderr
