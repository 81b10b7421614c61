"""Which request this is: ids that the caller gave, or one of our own; both are echoed."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

from flowstead_runtime.serving.accept import parse_accept
from flowstead_runtime.serving.exchange import Exchange, Handler

if TYPE_CHECKING:
    from flowstead_runtime.serving.serving import Serving

_USABLE = re.compile(rb"[\x21-\x7e]{1,256}")
_random = random.Random()  # noqa: S311 - an id must be unique, not secret: no system call for it


def identify(serving: Serving, proceed: Handler) -> Handler:
    """Layer: reads the headers that matter, once, and gives the request its id."""

    async def identified(exchange: Exchange) -> None:
        read_headers(exchange)
        await proceed(exchange)

    return identified


def read_headers(exchange: Exchange) -> None:
    """x-request-id and x-ms-client-request-id each stand in for the other; several Accept headers count as one."""
    accept: list[str] = []
    request_id = client_id = b""
    for name, value in exchange.scope["headers"]:
        if name == b"accept":
            accept.append(value.decode("latin-1"))
        elif name == b"x-request-id":
            request_id = value
        elif name == b"x-ms-client-request-id":
            client_id = value
        elif name == b"content-length":
            exchange.content_length = int(value) if value.isdigit() and len(value) < 19 else 0
    if accept:
        exchange.accept = parse_accept(",".join(accept))
    _set_ids(exchange, request_id, client_id)


def _set_ids(exchange: Exchange, request_id: bytes, client_id: bytes) -> None:
    known_client = client_id if client_id and _USABLE.fullmatch(client_id) else b""
    chosen = request_id if request_id and _USABLE.fullmatch(request_id) else known_client
    if not chosen:
        chosen = b"%032x" % _random.getrandbits(128)
    exchange.request_id = chosen.decode("ascii")
    exchange.echo.append((b"x-request-id", chosen))
    if known_client:
        exchange.echo.append((b"x-ms-client-request-id", known_client))
