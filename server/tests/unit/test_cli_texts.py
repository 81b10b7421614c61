"""What commands say to a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowstead.cli import demo, deploy, doctor, status
from flowstead.cli.deploy_plan import DeployOptions, plan_deploy
from flowstead.cli.deploying import Deployed
from flowstead.cli.registering import check_flow
from flowstead.cli.running import run
from flowstead.cli.scoring import check_answer
from flowstead.client import Answer
from flowstead.errors import BadArgument, CommandFailed, FlowInvalid
from flowstead.launch.doctor import Finding, Outcome
from flowstead.launch.status import HomeStatus, InstanceStatus, ProcessStatus
from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, FlowKind, ValueType

FLOW = FlowDefinition(
    name="ask-docs",
    kind=FlowKind.DAG,
    directory=Path(),
    file=Path("flow.dag.yaml"),
    inputs={"question": FlowInput(ValueType.STRING)},
)
PLAN = plan_deploy(FLOW, DeployOptions())


def deployed(traffic: int, mode: str = "Key") -> Deployed:
    uri = "http://127.0.0.1:8080/endpoints/ask-docs/score"
    endpoint: dict[str, Any] = {"properties": {"scoringUri": uri, "authMode": mode}}
    return Deployed(endpoint, {}, "the-key", traffic)


def test_deploy_ends_with_url_key_curl_and_how_to_delete() -> None:
    text = deploy.text_of(deployed(100), PLAN, FLOW, 3.21)
    assert text.splitlines() == [
        "",
        "Ready 3.2 s after the flow was read.",
        "",
        "Scoring URL  http://127.0.0.1:8080/endpoints/ask-docs/score",
        "Key          the-key",
        "",
        "curl http://127.0.0.1:8080/endpoints/ask-docs/score \\",
        "  -H 'Authorization: Bearer the-key' \\",
        "  -H 'Content-Type: application/json' \\",
        '  -d \'{"question": "some text"}\'',
        "",
        "Delete it: flowstead online-endpoint delete --name ask-docs --yes",
    ]


def test_status_tells_of_deployments_that_failed_or_were_stopped() -> None:
    well: dict[str, Any] = {"provisioning_state": "Succeeded", "state": "running", "at_work": 1}
    deployments = [
        {"endpoint": "chat", "name": "blue", **well},
        {"endpoint": "chat", "name": "green", **well, "provisioning_state": "Failed", "at_work": 0},
        {"endpoint": "chat", "name": "red", **well, "state": "stopped"},
    ]
    text = status.text_of(HomeStatus("/h", PROCESS, PROCESS, ()), [], home=" --home /h", deployments=deployments)
    show = "flowstead online-deployment show -e chat -n green --home /h"
    assert f"The last change of chat/green failed, instances at work: 0. See: {show}" in text.splitlines()
    assert (
        "chat/red is stopped. Start it: flowstead online-deployment start -e chat -n red --home /h" in text.splitlines()
    )
    assert "chat/blue" not in text


def test_what_deploy_advises_is_of_the_home_that_it_was_deployed_to() -> None:
    lines = deploy.text_of(deployed(0), PLAN, FLOW, 3.21, " --home /h").splitlines()
    assert "flowstead online-endpoint update --name ask-docs --traffic blue=100 --home /h" in lines
    assert lines[-1] == "Delete it: flowstead online-endpoint delete --name ask-docs --yes --home /h"


def test_deploy_says_whether_a_key_or_a_token_opens_it() -> None:
    lines = deploy.text_of(deployed(100, "AMLToken"), PLAN, FLOW, 3.21).splitlines()
    assert "Token        the-key" in lines


def test_a_deployment_without_traffic_is_tested_by_name() -> None:
    text = deploy.text_of(deployed(0), PLAN, FLOW, 3.21)
    assert "azureml-model-deployment: blue" in text
    assert "flowstead online-endpoint update --name ask-docs --traffic blue=100" in text


def test_the_demo_shows_question_answer_and_sources() -> None:
    answer = {"answer": "Run it. [keys.md]", "sources": ["keys.md › Rotate a key"]}
    text = demo.text_of(deployed(100), {"question": "How?"}, answer, 4.5, demo.portal_line("http://127.0.0.1:8080"))
    for part in ("Question  How?", "  Run it. [keys.md]", "  keys.md › Rotate a key", "From folder to answer: 4.5 s."):
        assert part in text.splitlines()
    bare = demo.text_of(deployed(100), {"x": 1}, {"y": 2}, 4.5, demo.portal_line("http://127.0.0.1:8080", "LINK"))
    assert 'Question  {"x": 1}' in bare
    assert '    "y": 2' in bare.splitlines()
    assert "Portal       http://127.0.0.1:8080/portal/" in text.splitlines()
    assert "Portal       LINK" in bare.splitlines()


def test_the_demo_passes_a_provider_on_only_with_its_key() -> None:
    shell = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "u", "OTHER": "x"}
    assert demo.variables_passed_on(shell) == {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "u"}
    assert demo.variables_passed_on({"OPENAI_BASE_URL": "u"}) == {}


def test_the_demos_scratch_home_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    with pytest.raises(BadArgument, match="is not empty"), demo.scratch_home(tmp_path / "kept"):
        pass
    assert (tmp_path / "kept" / "file").exists()
    with demo.scratch_home(tmp_path / "new") as home:
        (home.root / "models").mkdir()
        (home.root / "models" / "f").touch()
        (home.root / "models").chmod(0o555)
    assert not (tmp_path / "new").exists()


PROCESS = ProcessStatus(running=True, pid=7, uptime_s=3700, log="/h/logs/server.log", url="http://127.0.0.1:8080")
NONE = ProcessStatus(running=False, pid=None, uptime_s=None, log="/h/logs/server.log")
INSTANCE = InstanceStatus("i-1", "ask-docs", "blue", "Ready", 9, 62.0, 0, "/h/logs/i-1.log", "namespaces, landlock")


def test_status_shows_all_that_runs() -> None:
    endpoint = {
        "name": "ask-docs",
        "provisioning_state": "Succeeded",
        "scoring_uri": "http://s",
        "traffic": {"blue": 100},
    }
    text = status.text_of(HomeStatus("/h", PROCESS, PROCESS, (INSTANCE,)), [endpoint])
    assert "server    process 7 · up for 1 h 1 min · http://127.0.0.1:8080 · log /h/logs/server.log" in text
    assert "ask-docs  blue        Ready     9        1 min 2 s  0         /h/logs/i-1.log" in text
    assert "ask-docs  Succeeded  blue 100 %  http://s" in text


def test_status_says_what_to_do_next() -> None:
    assert "next: flowstead deploy FOLDER" in status.text_of(HomeStatus("/h", PROCESS, PROCESS, ()), [])
    assert status.text_of(HomeStatus("/h", NONE, NONE, ()), []).endswith("next: flowstead up --detach")
    elsewhere = status.text_of(HomeStatus("/h", NONE, NONE, ()), [], home=" --home /h")
    assert elsewhere.endswith("next: flowstead up --home /h --detach")
    assert "finds the instances again" in status.text_of(HomeStatus("/h", NONE, PROCESS, (INSTANCE,)), [])
    assert "quota     500 cores\n" in status.text_of(HomeStatus("/h", NONE, NONE, ()), []) + "\n"
    taken = status.text_of(HomeStatus("/h", PROCESS, PROCESS, (), quota_cores=12), [], cores_taken=2.5)
    assert "quota     2.5 of 12 cores are taken, with the upgrade reserve" in taken
    assert "not known: gone" in status.text_of(HomeStatus("/h", PROCESS, PROCESS, ()), [], "gone")


def test_doctor_names_what_is_missing_and_the_remedy() -> None:
    findings = [Finding("Python", Outcome.OK, "3.11.7"), Finding("Envoy", Outcome.PROBLEM, "gone", "Install it.")]
    assert doctor.text_of(findings).splitlines() == [
        "ok       Python  3.11.7",
        "problem  Envoy   gone",
        "                 next: Install it.",
        "",
        "Flowstead cannot work here: Envoy.",
    ]
    assert doctor.text_of(findings[:1]).endswith("All that Flowstead needs is here.")


def test_a_refused_request_says_why_and_what_to_do() -> None:
    body = '{"error": {"code": "UserError", "message": "no such thing"}}'
    with pytest.raises(CommandFailed) as caught:
        check_answer(Answer(424, body, "blue", "400"), "ask-docs")
    assert caught.value.message == "The endpoint ask-docs answered 424 (the flow itself: 400): UserError: no such thing"
    assert "get-logs --endpoint-name ask-docs --name blue" in caught.value.next_step
    with pytest.raises(CommandFailed, match="answered 503: nothing"):
        check_answer(Answer(503, "", "", ""), "ask-docs")
    assert check_answer(Answer(200, "{}", "", ""), "e").text == "{}"


def test_a_broken_flow_is_refused_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "flow.dag.yaml").write_text("nodes:\n- name: a\n  type: pythn\n  source: {type: code, path: a.py}\n")
    with pytest.raises(FlowInvalid, match=r"flow\.dag\.yaml:\d"):
        check_flow(tmp_path)
    with pytest.raises(FlowInvalid, match="nowhere"):
        check_flow(tmp_path / "nowhere")


def test_a_flow_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    (tmp_path / "flow.dag.yaml").write_text("nodes: " + "[" * 5000 + "]" * 5000)
    with pytest.raises(FlowInvalid, match=r"nested (too deeply|deeper than)"):
        check_flow(tmp_path)


SOUND = "outputs: {a: {type: string, reference: '${inputs.q}'}}\ninputs: {q: {type: string}}\nnodes: []\n"


def test_what_the_server_would_refuse_later_is_refused_before_anything_is_created(tmp_path: Path) -> None:
    flow = tmp_path / "flow"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(SOUND)
    check_flow(flow)
    (flow / "out").symlink_to(tmp_path)
    with pytest.raises(BadArgument, match="leads out of the folder"):
        check_flow(flow)
    (flow / "out").unlink()
    (flow / "flow.dag.yaml").write_text(SOUND + "environment: {image: 'python:3.11'}\n")
    check_flow(flow)  # the server may have what starts it


def test_includes_are_looked_at_as_the_flows_own_files_are(tmp_path: Path) -> None:
    flow = tmp_path / "flow"
    flow.mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "back\\slash").touch()
    (flow / "flow.dag.yaml").write_text(SOUND + "additional_includes: [../docs]\n")
    with pytest.raises(BadArgument, match="The file 'docs/back"):
        check_flow(flow)
    (tmp_path / "docs" / "back\\slash").unlink()
    check_flow(flow)
    (flow / "out").symlink_to(tmp_path / "docs")
    with pytest.raises(BadArgument, match="leads out of the folder"):
        check_flow(flow)


def test_a_package_tool_needs_a_package(tmp_path: Path) -> None:
    source = "{type: package, tool: no.such.tool}"
    (tmp_path / "flow.dag.yaml").write_text(f"nodes:\n- name: a\n  type: python\n  source: {source}\n")
    with pytest.raises(FlowInvalid, match=r"flow\.dag\.yaml:2: node 'a': no package has the tool 'no\.such\.tool'"):
        check_flow(tmp_path)
    (tmp_path / "requirements.txt").write_text("that-package\n")
    assert check_flow(tmp_path).nodes[0].name == "a"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nonsense"], 2, "No such command 'nonsense'"),
        (["deplyo"], 2, "Did you mean 'deploy'"),
        (["deploy"], 2, "Missing argument"),
        (["deploy", "x", "--instance-count", "0"], 2, "--instance-count"),
        (["deploy", "/nowhere/at/all"], 1, "error: FlowInvalid: /nowhere/at/all"),
        (["online-endpoint", "create", "-f", "/nowhere.yaml"], 1, "error: BadArgument: Cannot read /nowhere.yaml"),
        (["online-endpoint", "create", "-n", "x"], 1, "error: InvalidName"),
        (["online-endpoint", "create"], 1, "The endpoint has no name"),
        (["online-endpoint", "list"], 3, "error: ServerNotRunning"),
        (["online-endpoint", "create", "-n", "abc", "--set", "x"], 1, "there is no `=`"),
        (["token"], 3, "next: Start it: flowstead up --detach."),
    ],
)
def test_a_wrong_command_line_ends_with_its_code_and_no_traceback(
    arguments: list[str],
    code: int,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLOWSTEAD_HOME", str(tmp_path / "home"))
    assert run(arguments) == code
    said = capsys.readouterr()
    assert words in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip()[0].isdigit()
