"""What tool authors write: `@tool`, `ToolProvider`, and the declarations of inputs that only an editor reads."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

_MARK = "__tool"
"""The attribute that promptflow's own decorator sets as well, so tools made with either are found by both."""

STREAMING_OPTION = "_streaming_option_parameter"
"""The attribute, promptflow's as well, that names the parameter by which a tool is told to stream its result."""

F = TypeVar("F", bound=Callable[..., Any])


@overload
def tool(func: F, /) -> F: ...
@overload
def tool(func: None = None, /, **options: Any) -> Callable[[F], F]: ...
def tool(func: F | None = None, /, **options: Any) -> F | Callable[[F], F]:
    """Mark a function, or a method of a class, as the tool of its script. It is returned unchanged, so a call
    costs nothing.

    options: name, description, type, input_settings …, kept for editors; streaming_option_parameter: a parameter that
    is True when the caller of the flow wants the tool's result as a stream.
    """

    def mark(target: F) -> F:
        setattr(target, _MARK, None)
        for key, value in options.items():
            setattr(target, STREAMING_OPTION if key == STREAMING_OPTION[1:] else f"__{key}", value)
        return target

    return mark if func is None else mark(func)


def is_tool(value: Any) -> bool:
    """Whether the value is a function marked by `@tool`."""
    return callable(value) and not isinstance(value, type) and hasattr(value, _MARK)


class ToolProvider(ABC):  # noqa: B024 - users subclass it to say that a class holds tools
    """The base of a class whose methods are tools; its constructor's parameters are taken from the node's inputs."""


def is_provider(value: type) -> bool:
    """Whether it is a ToolProvider, of ours or of promptflow itself when a flow brings that along."""
    return any(base.__name__ == ToolProvider.__name__ for base in value.__mro__)


@dataclass
class DynamicList:
    """Where an editor gets an input's choices from."""

    function: Callable[..., Any] | str
    input_mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass
class GeneratedBy:
    """How an editor makes an input out of others."""

    function: Callable[..., Any] | str
    reverse_function: Callable[..., Any] | str
    input_settings: Mapping[str, Any] | None = None


class InputSetting:
    """What an editor should know of an input. Any names."""

    def __init__(self, **settings: Any) -> None:
        vars(self).update(settings)
