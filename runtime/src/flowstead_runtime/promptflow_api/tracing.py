"""promptflow's tracing names."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from flowstead_runtime import tracing
from flowstead_runtime.tracing import Traced

F = TypeVar("F", bound=Callable[..., Any])


def trace(func: F) -> F:
    """The function in a span of its own, with its inputs and its output; the function itself where the runtime exports
    no telemetry."""
    function = getattr(func, "__qualname__", type(func).__qualname__).removesuffix(".__call__")
    return cast("F", tracing.traced(func, Traced(function, function)))


def start_trace(**_: Any) -> None:
    """Where traces go is said to the runtime, by the variables of OpenTelemetry; `@trace` and calls of the OpenAI SDK
    are traced without this call."""


class ThreadPoolExecutorWithContext(ThreadPoolExecutor):
    """Its threads see the context in which it was made, so that what they trace stands below that."""

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        context = contextvars.copy_context()

        def enter() -> None:
            for variable, value in context.items():
                variable.set(value)
            if initializer is not None:
                initializer(*initargs)

        super().__init__(max_workers, thread_name_prefix, enter)
