"""What a request's headers say: its ids, or one of our own; what the caller accepts, sends and waits for."""

from __future__ import annotations

import random
import re
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from flowstead_runtime.serving.accept import parse_accept
from flowstead_runtime.serving.exchange import Exchange, Handler

if TYPE_CHECKING:
    from flowstead_runtime.serving.serving import Serving

TIMEOUT = b"x-request-timeout-ms"
"""How long the caller waits for the first byte. There is no standard for it; this one is called after Azure's
`request_timeout_ms`, with the unit in its name, and proxies pass it on."""

_WANTED = frozenset(
    {b"accept", b"content-encoding", b"content-length", TIMEOUT, b"x-request-id", b"x-ms-client-request-id"}
)
_USABLE = re.compile(rb"[\x21-\x7e]{1,256}")
_random = random.Random()  # noqa: S311 - an id must be unique, not secret: no system call for it


def identify(serving: Serving, proceed: Handler) -> Handler:
    """Layer: reads the headers that matter, once, and gives the request its id."""

    def identified(exchange: Exchange) -> Awaitable[None]:
        read_headers(exchange)
        return proceed(exchange)

    return identified


def read_headers(exchange: Exchange) -> None:
    """x-request-id and x-ms-client-request-id each stand in for the other; several Accept headers count as one. The
    answer's x-ms-request-id is the id that the request has here, as Azure's clients look for it."""
    request_id = client_id = b""
    for name, value in exchange.scope["headers"]:
        if name not in _WANTED:
            continue
        if name == b"content-length":
            exchange.content_length = int(value) if value.isdigit() and len(value) < 19 else 0
        elif name == b"accept":
            exchange.accept = parse_accept(",".join((*exchange.accept.named, value.decode("latin-1"))))
        elif name == b"content-encoding":
            exchange.content_encoding += "," + value.decode("latin-1")
        elif name == TIMEOUT:
            exchange.timeout_s = int(value) / 1000 if value.isdigit() and len(value) < 10 else 0.0
        elif _USABLE.fullmatch(value):
            if name == b"x-request-id":
                request_id = value
            else:
                client_id = value
    chosen = request_id or client_id or b"%032x" % _random.getrandbits(128)
    exchange.request_id = chosen.decode("ascii")
    exchange.echo += ((b"x-request-id", chosen), (b"x-ms-request-id", chosen))
    if client_id:
        exchange.echo.append((b"x-ms-client-request-id", client_id))
