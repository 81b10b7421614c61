"""What can go wrong in the runtime: one table.

RuntimeFailure                    code of the error body · status
├── UserError                     UserError · 400      the caller's, the flow's or a provider's fault
│   ├── InputError                a missing or wrong input, an undecodable body
│   ├── UnsupportedEncoding       · 415
│   ├── NotAcceptable             · 406
│   ├── FlowDefinitionError       file, line; the flow is refused before it starts
│   ├── FlowLoadError             its code could not be imported or its tools not resolved
│   ├── ConnectionInvalid         a connection is missing or wrong
│   ├── SignInFailed              no token from Entra ID for a connection that asks for one
│   ├── NodeFailed                a tool raised
│   ├── TemplateFailed            jinja
│   ├── ProviderFailed            the LLM provider refused
│   └── OutputError               an output that cannot be encoded
├── InternalFailure               SystemError · 500    our fault
├── DeadlineExceeded              · 408
├── PayloadTooLarge               · 413
└── TooManyRequests               · 429
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Self


class RuntimeFailure(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "SystemError"
    status: ClassVar[int] = 500
    known_as: str = "SystemErrorException"
    """The name of the exception that promptflow raises in its place: flow code catches it, callers read it."""

    def __init__(self, message: str, *, quoted: str = "") -> None:
        """quoted: what of the message is the caller's own data, told to the caller alone."""
        self.message = message
        self.quoted = quoted
        super().__init__(message)

    @property
    def for_log(self) -> str:
        """The message without the caller's data: a log is read by more people than may know what callers send."""
        return self.message.replace(self.quoted, "…") if self.quoted else self.message

    def as_body(self) -> dict[str, Any]:
        """The error body of `/score`."""
        return {"error": {"code": self.code, "message": self.message}}


class UserError(RuntimeFailure):
    """The caller, the flow or a provider is at fault."""

    code, status = "UserError", 400
    known_as = "UserErrorException"


class InputError(UserError):
    """An input is missing or wrong."""


class UnsupportedEncoding(UserError):
    """The body is encoded in a way that is not known here."""

    status = 415


class NotAcceptable(UserError):
    """The Accept header cannot be served."""

    status = 406


class Reason(StrEnum):
    """What sort of mistake a flow's files hold."""

    NO_FLOW = "NoFlow"
    YAML = "InvalidYaml"
    DEFINITION = "InvalidDefinition"
    DUPLICATE = "DuplicateNode"
    INCLUDE = "MissingInclude"
    SOURCE = "MissingSource"
    REFERENCE = "UnknownReference"
    CYCLE = "Cycle"
    REQUIREMENTS = "InvalidRequirements"
    PACKAGE_TOOL = "UnknownTool"
    PYTHON = "InvalidPython"
    TEMPLATE = "InvalidTemplate"
    SECRET = "SecretInFlow"  # noqa: S105 a name
    MORE = "MoreProblems"


class FlowDefinitionError(UserError):
    """The flow's files do not make a flow. line, column: from 1, 0 for unknown."""

    def __init__(
        self, message: str, *, file: str = "", line: int = 0, column: int = 0, reason: Reason = Reason.DEFINITION
    ) -> None:
        self.problem, self.file, self.line, self.column, self.reason = message, file, line, column, reason
        place = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(place + message)


class FlowLoadError(UserError):
    """The flow's code or tools could not be loaded. package: the missing module's distribution, if that is why."""

    def __init__(self, message: str, *, package: str = "") -> None:
        self.package = package
        super().__init__(message)


class ConnectionInvalid(UserError):
    """A connection is missing or wrong."""


class SignInFailed(UserError):
    """No token could be had from Entra ID."""

    known_as = "LLMError"


class NodeFailed(UserError):
    """A tool raised."""


class TemplateFailed(UserError):
    """A template could not be rendered."""

    known_as = "JinjaTemplateError"


class ProviderFailed(UserError):
    """The LLM provider refused the request, or could not be asked. known_as: when it is not the provider's refusal."""

    def __init__(self, message: str, known_as: str = "WrappedOpenAIError") -> None:
        self.known_as = known_as
        super().__init__(message)


class OutputError(UserError):
    """An output cannot be encoded."""


class InternalFailure(RuntimeFailure):
    """The runtime is at fault."""

    @classmethod
    def of(cls, problem: Exception) -> Self:
        """For an exception that nobody has expected; the path that one of the system's may name is for the log."""
        if isinstance(problem, OSError) and problem.strerror:
            return cls(f"{type(problem).__name__}: {problem.strerror}")
        return cls(str(problem) or type(problem).__name__)


class DeadlineExceeded(RuntimeFailure):
    """The flow did not answer before its deadline."""

    code, status = "RequestTimeout", 408


class PayloadTooLarge(RuntimeFailure):
    """The body is over the limit."""

    code, status = "PayloadTooLarge", 413


class TooManyRequests(RuntimeFailure):
    """The instance has no room for another request."""

    code, status = "TooManyRequests", 429
