"""The names of promptflow that flow code imports."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from flowstead_runtime.promptflow_api import hook
from flowstead_runtime.promptflow_api.names import MODULES


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
            assert getattr(module, attribute) is not None


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
