"""An error body of the API → the error that the server raised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from flowstead.errors import FlowsteadError, RequestRefused, all_errors

_MAX_SHOWN = 500
"""Characters of an answer that is not the API's, shown in an error."""


def failure_of(answer: httpx.Response) -> FlowsteadError:
    """The error that an answer of 400 or more stands for."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):  # OAuth 2.0's shape
        error = {"code": error, "message": str(body.get("error_description", error))}
    if isinstance(error, dict):
        return failure_from(error)
    request = answer.request
    return RequestRefused(
        f"{request.method} {request.url.path} was answered {answer.status_code}: {answer.text[:_MAX_SHOWN]}",
        hint="See the server's log, `flowstead status` names it.",
    )


def failure_from(error: Mapping[str, Any]) -> FlowsteadError:
    """error: `{code, message}` of an error body, an operation or a deployment. The message's last line is the next
    step, what lies between it and the first line are another program's words."""
    code = str(error.get("code") or "InternalServerError")
    kind = next((kind for kind in all_errors() if kind.code == code), FlowsteadError)
    lines = str(error.get("message") or "").strip().split("\n")
    head, middle, last = lines[0], lines[1:-1], lines[-1] if len(lines) > 1 else ""
    failure = kind(head, details="\n".join(middle), target=str(error.get("target") or ""))
    failure.next_step = last
    failure.code = code  # type: ignore[misc]  # an error of a newer server keeps its code
    return failure
