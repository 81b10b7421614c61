"""Which pages' scripts may call the flow from a browser: none unless asked (`--cors`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from flowstead_runtime.serving.types import Application, Headers, Message, Receive, Scope, Send

_EXPOSED = (b"access-control-expose-headers", b"x-request-id, x-ms-request-id, x-ms-client-request-id, retry-after")
_VARY = (b"vary", b"origin")
_REMEMBER_S = b"600"
_WANTED = frozenset({b"origin", b"access-control-request-method", b"access-control-request-headers"})


def allow_origins(
    application: Application, origins: Collection[str], routes: Mapping[str, Mapping[str, Any]]
) -> Application:
    """The application, with its answers readable for pages of those origins and their preflights answered. origins:
    `https://host[:port]`, or `*` for all; routes: methods by path."""
    any_origin = "*" in origins
    known = frozenset(each.encode() for each in origins)

    async def allowing(scope: Scope, receive: Receive, send: Send) -> None:
        asked = {name: value for name, value in scope["headers"] if name in _WANTED} if "headers" in scope else {}
        origin = asked.get(b"origin")
        if origin is None or not (any_origin or origin in known):
            return await application(scope, receive, send)
        allowed: Headers = [(b"access-control-allow-origin", b"*" if any_origin else origin), _VARY]
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in asked and scope["path"] in routes:
            methods = ", ".join(routes[scope["path"]]).encode()
            return await _answer_preflight(send, allowed, methods, asked.get(b"access-control-request-headers"))

        async def send_allowed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *allowed, _EXPOSED]
            await send(message)

        return await application(scope, receive, send_allowed)

    return allowing


async def _answer_preflight(send: Send, allowed: Headers, methods: bytes, wanted: bytes | None) -> None:
    headers: Headers = [*allowed, (b"access-control-allow-methods", methods), (b"access-control-max-age", _REMEMBER_S)]
    if wanted is not None:
        headers.append((b"access-control-allow-headers", wanted))
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
