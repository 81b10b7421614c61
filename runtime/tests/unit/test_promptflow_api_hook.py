"""The names of promptflow that flow code imports."""

from __future__ import annotations

import contextvars
import importlib
import importlib.metadata
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from flowstead_runtime.promptflow_api import hook
from flowstead_runtime.promptflow_api.names import MODULES

USED = """
promptflow.core.tool
promptflow.connections.AzureOpenAIConnection
promptflow.tracing.trace
promptflow.connections.OpenAIConnection
promptflow.contracts.multimedia.Image
promptflow.core.log_metric
promptflow.connections.CustomConnection
promptflow.tool
promptflow.tracing.start_trace
promptflow.core.AzureOpenAIModelConfiguration
promptflow.core.Prompty
promptflow.contracts.types.AssistantDefinition
promptflow._core.tool.tool
promptflow._core.tool.InputSetting
promptflow.exceptions.SystemErrorException
promptflow.executor._assistant_tool_invoker.AssistantToolInvoker
promptflow.entities.InputSetting
promptflow.tools.aoai.chat
promptflow.connections.CustomStrongTypeConnection
promptflow.contracts.types.Secret
promptflow.core.ToolProvider
promptflow.core._flow.Prompty
promptflow.tools.common.parse_chat
promptflow.contracts.types.FilePath
promptflow.client.PFClient
promptflow.tools.openai.chat
promptflow.core.OpenAIModelConfiguration
promptflow._sdk.entities.AzureOpenAIConnection
promptflow.tools.common.render_jinja_template
promptflow.entities.DynamicList
promptflow.contracts.types.PromptTemplate
promptflow.connections.CognitiveSearchConnection
promptflow._sdk._errors.InvalidRunStatusError
promptflow._utils.logger_utils.get_logger
promptflow.tracing._operation_context.OperationContext
promptflow.log_metric
promptflow._core.tool.DynamicList
promptflow._core.tool.GeneratedBy
promptflow._core.tool.ToolProvider
promptflow._utils.yaml_utils.load_yaml
promptflow.client.load_flow
promptflow.entities.FlowContext
promptflow.exceptions.UserErrorException
promptflow._internal.ErrorResponse
promptflow._internal.ExceptionPresenter
promptflow.azure.PFClient
promptflow.tracing._trace._traced
promptflow.tracing.contracts.trace.TraceType
promptflow.connections._Connection
promptflow._core._errors.ToolExecutionError
"""


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    finders, modules = list(sys.meta_path), set(sys.modules)
    sys.meta_path[:] = [f for f in finders if not isinstance(f, hook.PromptflowFinder)]
    for name in [n for n in sys.modules if n.split(".")[0] == "promptflow"]:
        del sys.modules[name]
    yield
    sys.meta_path[:] = finders
    for name in [n for n in sys.modules if n.split(".")[0] == "promptflow" and n not in modules]:
        del sys.modules[name]


def test_every_name_of_the_table_exists() -> None:
    assert hook.install()
    for name, names in MODULES.items():
        module = importlib.import_module(name)
        assert set(names) <= set(dir(module))
        for attribute in names:
            if attribute != "PromptFlowCallbackHandler":  # LangChain's
                assert getattr(module, attribute) is not None


def test_every_name_that_flows_are_known_to_use_is_there() -> None:
    """The names that the samples and tests of promptflow import."""
    hook.install()
    for name in USED.split():
        module, _, attribute = name.rpartition(".")
        assert getattr(importlib.import_module(module), attribute) is not None
    with pytest.raises(ModuleNotFoundError, match="langchain"):
        exec("from promptflow.integrations.langchain import PromptFlowCallbackHandler")  # noqa: S102


def test_names_that_serve_nothing_say_so_when_they_are_used() -> None:
    hook.install()
    client = importlib.import_module("promptflow.client")
    with pytest.raises(NotImplementedError, match=r"promptflow's PFClient develops .* Flow\.load"):
        client.PFClient()


def test_the_operation_context_is_one_for_each_context() -> None:
    hook.install()
    kind = importlib.import_module("promptflow.tracing._operation_context").OperationContext
    mine = contextvars.copy_context().run(kind.get_instance)
    mine.flow = "f"
    assert (mine["flow"], mine.get_context_dict(), mine.copy()) == ("f", {"flow": "f"}, mine)
    mine.append_user_agent("me/1")
    mine.append_user_agent("me/1")
    assert mine.get_user_agent().startswith("me/1 promptflow")
    assert mine.get_request_id() == "unknown"
    del mine.flow
    assert not hasattr(mine, "flow")
    assert contextvars.copy_context().run(kind.get_instance) is not mine


def test_threads_see_the_context_of_who_hands_them_work() -> None:
    hook.install()
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(3)
    with importlib.import_module("promptflow.tracing").ThreadPoolExecutorWithContext(1) as pool:
        assert pool.submit(variable.get).result() == 3


def test_an_exception_becomes_an_answer() -> None:
    hook.install()
    internal = importlib.import_module("promptflow._internal")
    exceptions = importlib.import_module("promptflow.exceptions")

    class Mine(exceptions.UserErrorException):  # type: ignore[misc, name-defined]
        pass

    answer = internal.ErrorResponse.from_exception(Mine(message_format="bad {a}", a=1))
    assert (answer.message, answer.response_code, answer.error_codes) == ("bad 1", "400", ["UserError", "Mine"])
    assert answer.to_simplified_dict() == {"error": {"code": "UserError", "message": "bad 1"}}
    shown = internal.ExceptionPresenter.create(KeyError("k")).to_dict(include_debug_info=True)
    assert (shown["code"], shown["innerError"]["code"]) == ("SystemError", "KeyError")
    assert shown["debugInfo"]["innerException"] is None
    failed = internal.ToolExecutionError(node_name="n")
    failed.__cause__ = ValueError("v")
    assert failed.message == "Execution failure in 'n': (ValueError) v"


def test_the_names_most_flows_use() -> None:
    hook.install()
    namespace: dict[str, Any] = {}
    exec(  # noqa: S102 - as a script would
        """
from promptflow.core import tool, ToolProvider, log_metric, AzureOpenAIModelConfiguration, OpenAIModelConfiguration
from promptflow import tool as old_tool
import promptflow.connections
from promptflow.connections import AzureOpenAIConnection, CustomConnection, CustomStrongTypeConnection
from promptflow.contracts.multimedia import Image
from promptflow.contracts.types import Secret, PromptTemplate, FilePath, AssistantDefinition
from promptflow.exceptions import ErrorTarget, SystemErrorException, UserErrorException, ValidationException
from promptflow.tracing import trace, start_trace
from promptflow._core.tool import InputSetting, ToolProvider as P, tool as t, DynamicList, GeneratedBy
from promptflow.entities import InputSetting as I
from promptflow._sdk.entities import AzureOpenAIConnection as A
from promptflow.tools.common import parse_chat, render_jinja_template
from promptflow._utils.yaml_utils import load_yaml
from promptflow._utils.logger_utils import get_logger
""",
        namespace,
    )
    assert namespace["tool"] is namespace["old_tool"] is namespace["t"]
    assert namespace["render_jinja_template"]("a {{x}}", x=1) == "a 1"
    assert namespace["trace"](len) is len


def test_a_name_or_module_that_is_not_there_says_so() -> None:
    hook.install()
    with pytest.raises(
        ModuleNotFoundError, match=r"'promptflow\.unheard': Flowstead's runtime serves the names"
    ) as caught:
        importlib.import_module("promptflow.unheard")
    assert caught.value.name == "promptflow.unheard"
    with pytest.raises(ImportError, match="cannot import name 'Nope'"):
        exec("from promptflow.core import Nope")  # noqa: S102


def test_installing_twice_installs_once() -> None:
    hook.install()
    hook.install()
    assert sum(isinstance(f, hook.PromptflowFinder) for f in sys.meta_path) == 1


def test_the_real_package_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: object())
    assert hook.install() is False
    assert not any(isinstance(f, hook.PromptflowFinder) for f in sys.meta_path)


def test_exceptions_make_their_messages() -> None:
    from flowstead_runtime.promptflow_api.exceptions import ErrorTarget, UserErrorException, ValidationException

    assert UserErrorException("plain").message == "plain"
    assert str(UserErrorException(message_format="bad {a} {b}", a=1, target=ErrorTarget.TOOL)) == "bad 1 "
    assert isinstance(ValidationException(), UserErrorException)
    assert UserErrorException("x", target=ErrorTarget.TOOL).target == "Tool"
