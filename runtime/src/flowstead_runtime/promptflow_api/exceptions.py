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
    """The base of all. message_format and further keywords make the message when none is given; error: the exception
    that led to this one."""

    def __init__(
        self,
        message: str = "",
        message_format: str = "",
        target: ErrorTarget = ErrorTarget.UNKNOWN,
        module: str | None = None,
        error: BaseException | None = None,
        **values: Any,
    ) -> None:
        self._target = target
        self._module = module
        self._error = error
        self.message_format = message_format
        self.message_parameters: dict[str, str] = _parameters(message_format, values)
        self._message = str(message or message_format.format(**self.message_parameters))
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

    @property
    def inner_exception(self) -> BaseException | None:
        return self._error or self.__cause__

    @property
    def reference_code(self) -> str:
        """Where it comes from, as one text."""
        return f"{self._target}/{self._module}" if self._module else str(self._target)

    @property
    def error_codes(self) -> list[str]:
        """From the general to the particular."""
        return error_codes_of(self)


class UserErrorException(PromptflowException):
    """The caller or the flow is at fault: answered with 400 and this message."""


class SystemErrorException(PromptflowException):
    """Something else is at fault: answered with 500 and this message."""


class ValidationException(UserErrorException):
    """Something does not have the form it should."""


class ToolExecutionError(UserErrorException):
    """A tool raised."""

    def __init__(self, *, node_name: str, module: str | None = None) -> None:
        self._node_name = node_name
        super().__init__(f"Execution failure in '{node_name}'.", target=ErrorTarget.TOOL, module=module)

    @property
    def message(self) -> str:
        inner = self.inner_exception
        return f"Execution failure in '{self._node_name}': ({type(inner).__name__}) {inner}" if inner else self._message


KNOWN = (
    "ChatAPIFunctionRoleInvalidFormat",
    "ChatAPIInvalidRoleError",
    "ChatAPIToolRoleInvalidFormat",
    "ExceedMaxRetryTimes",
    "InvalidConnectionType",
    "InvalidOutputKeyError",
    "InvalidRunStatusError",
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


def error_codes_of(error: BaseException) -> list[str]:
    """The codes of an exception, from the general to the particular: `UserError` or `SystemError`, then its class's
    name. What is no exception of promptflow is a system error."""
    kinds = [kind for kind in type(error).__mro__ if issubclass(kind, PromptflowException)]
    names = [_CODES.get(kind.__name__, kind.__name__) for kind in reversed(kinds[:-1])]
    if names[:1] in (["UserError"], ["SystemError"]):
        return names
    return ["SystemError", *names] if kinds else ["SystemError", type(error).__name__]


_CODES = {
    "UserErrorException": "UserError",
    "SystemErrorException": "SystemError",
    "ValidationException": "ValidationError",
}


def _parameters(template: str, values: dict[str, Any]) -> dict[str, str]:
    names = {name for _, name, _, _ in Formatter().parse(template) if name}
    return {name: str(values.get(name, "")) for name in names}
