"""What a tool's exception is to the caller."""

from __future__ import annotations

import errno
from typing import NoReturn

from flowstead_runtime.errors import InternalFailure, NodeFailed, RuntimeFailure

_FULL = (errno.ENOSPC, errno.EDQUOT)
_PACKAGES = ("promptflow", "flowstead_runtime.promptflow_api")
_OWN_MESSAGE = (
    ("UserErrorException", NodeFailed),
    ("ValidationException", NodeFailed),
    ("PromptflowException", InternalFailure),
)
"""promptflow's exception classes whose message reaches the caller as it is, the first found in the class's
ancestry decides."""


def raise_for(node: str, error: BaseException) -> NoReturn:
    """Raise what a tool's exception is to the caller, the exception as its cause. Our own failures and interrupts are
    raised as they are."""
    if isinstance(error, RuntimeFailure | KeyboardInterrupt):
        raise error
    raise node_failure(node, error) from error


def node_failure(node: str, error: BaseException) -> RuntimeFailure:
    """The failure that stands for a tool's exception."""
    names = {kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith(_PACKAGES)}
    for name, failure in _OWN_MESSAGE:
        if name in names:
            return failure(str(error))
    return NodeFailed(f"Execution failure in '{node}': ({type(error).__name__}) {words_of(error)}")


def entry_failure(entry: str, error: BaseException) -> NodeFailed:
    """What an exception of a flex flow's entry, or of a prompty, is to the caller. Unlike a tool's, it is always named:
    promptflow's own exceptions too."""
    name = error.known_as if isinstance(error, RuntimeFailure) else type(error).__name__
    return NodeFailed(f"Execution failure in '{entry}': ({name}) {words_of(error)}")


def words_of(error: BaseException) -> str:
    """What a caller is told of what the flow's code has raised: its own words, but of a full disk not which file."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return f"[Errno {error.errno}] {error.strerror}"
    return str(error)
