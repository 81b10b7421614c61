"""promptflow's exceptions, as far as flow code raises and catches them."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from string import Formatter
from typing import Any

from flowstead_runtime.errors import RuntimeFailure


class ErrorTarget(StrEnum):
    """Where an error comes from. Kept by the exception, not used."""

    EXECUTOR = "Executor"
    BATCH = "Batch"
    CORE = "Core"
    FLOW_EXECUTOR = "FlowExecutor"
    NODE_EXECUTOR = "NodeExecutor"
    TOOL = "Tool"
    AZURE_RUN_STORAGE = "AzureRunStorage"
    RUNTIME = "Runtime"
    UNKNOWN = "Unknown"
    RUN_TRACKER = "RunTracker"
    RUN_STORAGE = "RunStorage"
    CONTROL_PLANE_SDK = "ControlPlaneSDK"
    SERVING_APP = "ServingApp"
    FLOW_INVOKER = "FlowInvoker"
    FUNCTION_PATH = "FunctionPath"


class PromptflowException(Exception):
    """The base of all. message_format and further keywords make the message when none is given."""

    def __init__(
        self,
        message: str = "",
        message_format: str = "",
        target: ErrorTarget = ErrorTarget.UNKNOWN,
        module: str | None = None,
        **values: Any,
    ) -> None:
        self._target = target
        self._module = module
        self._message = str(message or _formatted(message_format, values))
        super().__init__(self._message)

    @property
    def message(self) -> str:
        return self._message

    @property
    def target(self) -> ErrorTarget:
        return self._target

    @property
    def module(self) -> str | None:
        return self._module


class UserErrorException(PromptflowException):
    """The caller or the flow is at fault: answered with 400 and this message."""


class SystemErrorException(PromptflowException):
    """Something else is at fault: answered with 500 and this message."""


class ValidationException(UserErrorException):
    """Something does not have the form it should."""


KNOWN = (
    "ChatAPIFunctionRoleInvalidFormat",
    "ChatAPIInvalidRoleError",
    "ChatAPIToolRoleInvalidFormat",
    "ExceedMaxRetryTimes",
    "InvalidConnectionType",
    "InvalidOutputKeyError",
    "JinjaTemplateError",
    "LLMError",
    "WrappedOpenAIError",
)
"""Names of user errors that flow code may import."""


def __getattr__(name: str) -> Any:
    if name in KNOWN:
        return _kind_named(name, "UserError")
    raise AttributeError(name)


def user_error(failure: RuntimeFailure) -> PromptflowException:
    """The exception that flow code knows in place of one of ours: of promptflow's name for it."""
    return _kind_named(failure.known_as, failure.code)(failure.message)


@cache
def _kind_named(name: str, code: str) -> type[PromptflowException]:
    base = UserErrorException if code == "UserError" else SystemErrorException
    return base if name == base.__name__ else type(name, (base,), {"__module__": __name__})


def _formatted(template: str, values: dict[str, Any]) -> str:
    names = {name for _, name, _, _ in Formatter().parse(template) if name}
    return template.format(**{name: values.get(name, "") for name in names}) if names else template
