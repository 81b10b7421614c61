"""Where a change comes from: said once by whoever takes the request, written down with everything that it changes."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """request_id: of the request, as its answer's `x-ms-request-id` names it; principal_id: the caller's object id.
    Both are "" for what the server does of its own accord."""

    request_id: str = ""
    principal_id: str = ""


_NOBODY = Origin()
ORIGIN: ContextVar[Origin] = ContextVar("ORIGIN", default=_NOBODY)
"""Of the request that is being answered. A context variable, so that no route can forget to hand it on."""
