"""How commands end."""

from __future__ import annotations

from flowstead.errors import FlowsteadError, ResourceNotFound, ServerNotRunning

OK = 0
FAILURE = 1
"""It was tried and failed; the error says why."""
USAGE = 2
"""The command line itself is wrong: an unknown option, a missing argument."""
NOT_THERE = 3
"""What it is about is not there: no server runs on this home, or no resource has this name."""
INTERRUPTED = 130
"""Ctrl-C, as shells have it."""


def exit_code_of(failure: FlowsteadError) -> int:
    return NOT_THERE if isinstance(failure, ServerNotRunning | ResourceNotFound) else FAILURE
