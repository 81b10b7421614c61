"""Every error as a body in its protocol: ARM's JSON, the blob routes' XML."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from flowstead.errors import (
    BadArgument,
    FlowsteadError,
    PassingTrouble,
    PayloadTooLarge,
    UnknownRoute,
    UnsupportedMediaType,
)

log = logging.getLogger("flowstead.api")

_RETRIED = {429, 503}
_BLOB = re.compile(r"/[^/]+\.blob\.[^/]+/")


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(FlowsteadError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def failure_response(path: str, failure: FlowsteadError) -> Response:
    """The answer for a failure at that path. Where on this machine its trouble is, only the log is told."""
    headers = {}
    if isinstance(failure, PassingTrouble) and failure.where:
        log.warning("%s: %s %s", path, failure.message, failure.where)
    if failure.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="flowstead"'
    if failure.status in _RETRIED:
        headers["Retry-After"] = "10"
    if _BLOB.match(path):
        return blob_error(failure.status, failure.code, str(failure), headers)
    return JSONResponse({"error": failure.as_body()}, status_code=failure.status, headers=headers)


def blob_error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error of the blob routes; the code is in a header too, since an answer to HEAD has no body."""
    body = (
        f"<?xml version='1.0' encoding='utf-8'?><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    )
    return Response(body, status, {**(headers or {}), "x-ms-error-code": code}, media_type="application/xml")


async def _known(request: Request, failure: Exception) -> Response:
    if not isinstance(failure, FlowsteadError):
        raise failure
    return failure_response(request.url.path, failure)


async def _invalid(request: Request, failure: Exception) -> Response:
    if not isinstance(failure, RequestValidationError):
        raise failure
    problems = failure.errors()
    unread = _not_json(request) if any(problem["loc"][:1] == ("body",) for problem in problems) else None
    return failure_response(request.url.path, unread or as_bad_argument(problems))


async def _http(request: Request, failure: Exception) -> Response:
    if not isinstance(failure, HTTPException):
        raise failure
    path = request.url.path
    if failure.status_code == 404:
        return failure_response(path, UnknownRoute(f"There is no route {request.method} {path}.", target=path))
    if failure.status_code == 413:
        return failure_response(path, PayloadTooLarge(failure.detail))
    if failure.status_code == 405:
        message = f"{request.method} is not possible on {path}.\n{UnknownRoute.hint}"
        body = {"error": {"code": "MethodNotAllowed", "message": message}}
        return JSONResponse(body, status_code=405, headers=failure.headers)
    # Bytes that are no text, as a compressed body is, come here: FastAPI says no more of them than that.
    return failure_response(path, _not_json(request) or BadArgument(str(failure.detail)))


def _not_json(request: Request) -> UnsupportedMediaType | None:
    """Why a body could not be read, when that is what its headers say of it."""
    coding = request.headers.get("content-encoding", "identity").strip()
    if coding.lower() != "identity":
        return UnsupportedMediaType(f"The body is encoded as {coding[:40]!r}.", target="Content-Encoding")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and not (kind == "application/json" or kind.endswith("+json")):
        return UnsupportedMediaType(f"The body is {kind[:80]!r}, and JSON is expected.", target="Content-Type")
    return None


def as_bad_argument(problems: Sequence[Any]) -> BadArgument:
    """The first problem, in full; the others by name. Values are never repeated: one may be a secret."""
    first = problems[0]
    if first["type"] == "json_invalid":
        reason = first.get("ctx", {}).get("error", "malformed")
        return BadArgument(f"The body is not JSON: {reason} at character {first['loc'][-1]}.", target="body")
    field = _field(first["loc"])
    said = str(first["msg"]).removeprefix("Value error, ")
    message = f"{field}: {said[:1].lower()}{said[1:]}."
    others = sorted({_field(problem["loc"]) for problem in problems[1:]} - {field})
    if others:
        message += f" Also wrong: {', '.join(others[:10])}."
    return BadArgument(message, target=field)


def _field(location: Sequence[Any]) -> str:
    parts = [str(part) for part in location if part not in ("body", "query", "path")]
    return ".".join(parts) or "body"
