"""promptflow's tracing names. The runtime makes the spans of flows and nodes itself, so these only have to be there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def trace(func: F) -> F:
    """Returns the function as it is."""
    return func


def start_trace(**_: Any) -> None:
    """The runtime decides where traces go; a flow's own wish is not followed."""


class OperationContext(dict[str, Any]):
    """Values that a program hangs on its spans."""

    _instance: OperationContext | None = None

    @classmethod
    def get_instance(cls) -> OperationContext:
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value
