"""What metrics call a failure."""

from __future__ import annotations

from flowstead_runtime.errors import NodeFailed, RuntimeFailure


def error_code(error: BaseException) -> str:
    """What promptflow's metrics call the innermost error: its own exceptions by name, any other of the flow's code as
    a tool's."""
    cause = error.__cause__
    if isinstance(error, RuntimeFailure):
        return error_code(cause) if cause is not None and isinstance(error, NodeFailed) else error.known_as
    own = any(each.__name__ == "PromptflowException" for each in type(error).__mro__)
    return type(error).__name__ if own else "ToolExecutionError"
