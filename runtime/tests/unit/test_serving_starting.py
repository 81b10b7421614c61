"""What is said when a flow cannot start, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead_runtime.errors import ConnectionInvalid, FlowDefinitionError, FlowLoadError, PayloadTooLarge, UserError
from flowstead_runtime.serving.exit_codes import FLOW_CANNOT_START, PACKAGE_MISSING
from flowstead_runtime.serving.failures import status_and_headers
from flowstead_runtime.serving.starting import explain

FLOW = Path("/flows/mine")


def test_a_definition_error_names_file_and_line() -> None:
    failure = explain(FLOW, FlowDefinitionError("a cycle: a → b → a", file="flow.dag.yaml", line=7))
    assert failure.exit_code == FLOW_CANNOT_START
    assert str(failure).splitlines() == [
        "The flow cannot start.",
        "  flow:  /flows/mine",
        "  cause: FlowDefinitionError: flow.dag.yaml:7: a cycle: a → b → a",
        "  next:  mend the file named above and start again",
    ]


def test_a_missing_package_is_named_with_the_remedy() -> None:
    try:
        try:
            raise ModuleNotFoundError("No module named 'requests'", name="requests.adapters")
        except ModuleNotFoundError as missing:
            raise FlowLoadError("tool.py could not be imported") from missing
    except FlowLoadError as problem:
        failure = explain(FLOW, problem)
    assert failure.exit_code == PACKAGE_MISSING
    assert "add requests" in str(failure).splitlines()[-1]
    assert "requirements.txt" in str(failure).splitlines()[-1]


def test_the_package_that_the_error_names_wins() -> None:
    failure = explain(FLOW, FlowLoadError("tool.py could not be imported", package="beautifulsoup4"))
    assert "add beautifulsoup4" in str(failure)


def test_user_code_that_raises_shows_its_last_lines() -> None:
    namespace: dict[str, object] = {}
    code = compile("def make():\n    raise RuntimeError('no disk')\nmake()\n", "/flows/mine/tool.py", "exec")
    with pytest.raises(RuntimeError) as raised:
        exec(code, namespace)  # noqa: S102
    failure = explain(FLOW, raised.value)
    assert failure.exit_code == FLOW_CANNOT_START
    assert 'File "/flows/mine/tool.py", line 2, in make' in str(failure)
    assert "RuntimeError: no disk" in str(failure)


def test_code_that_exits_and_connections_have_their_own_words() -> None:
    assert "called sys.exit(3)" in str(explain(FLOW, SystemExit(3)))
    assert "--connections" in str(explain(FLOW, ConnectionInvalid("there is no connection 'llm'")))


def test_secrets_of_the_environment_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_API_KEY", "sk-very-secret")
    failure = explain(FLOW, RuntimeError("401 for key sk-very-secret"))
    assert "sk-very-secret" not in str(failure)
    assert "401 for key ******" in str(failure)


def test_the_flows_failures_are_wrapped_and_ours_are_not() -> None:
    status, headers = status_and_headers(UserError("no"), wrap=True)
    assert status == 424
    assert dict(headers)[b"ms-azureml-model-error-statuscode"] == b"400"
    assert dict(headers)[b"ms-azureml-model-error-reason"] == b"model_error"
    assert status_and_headers(UserError("no"), wrap=False)[0] == 400
    status, headers = status_and_headers(PayloadTooLarge("big"), wrap=True)
    assert (status, dict(headers)[b"connection"]) == (413, b"close")
