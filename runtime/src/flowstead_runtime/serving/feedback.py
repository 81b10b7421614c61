"""What callers think of an answer."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import parse_qs

from flowstead_runtime.serving.decoding import read_content
from flowstead_runtime.serving.exchange import Exchange, Handler
from flowstead_runtime.serving.serving import Serving

log = logging.getLogger("flowstead.feedback")

_KEPT = 4000
"""Of longer feedback the log has the beginning, as text."""


def build_feedback(serving: Serving) -> Handler:
    """Any body within the limit is taken: it is a line of the log and, where there are traces, a span in the caller's.
    Both say what it is about by what the request brings along, its `x-request-id` and its `traceparent`."""
    body = json.dumps({"status": "Feedback received."}).encode()
    settings = serving.settings
    telemetry = serving.telemetry
    log.setLevel(logging.INFO)

    async def feedback(exchange: Exchange) -> None:
        content = await read_content(exchange, settings)
        log.info("%s", _line(exchange, content))
        if telemetry is not None:
            query = parse_qs(exchange.scope.get("query_string", b"").decode("latin-1"))
            flatten = query.get("flatten", [""])[-1].lower() == "true"
            telemetry.feedback(content, exchange.scope["headers"], flatten=flatten)
        await exchange.reply(200, body)

    return feedback


def _line(exchange: Exchange, content: bytes) -> str:
    trace = dict(exchange.scope["headers"]).get(b"traceparent", b"").decode("latin-1")
    said = {"request_id": exchange.request_id, "traceparent": trace, "feedback": _shown(content)}
    return json.dumps(said)


def _shown(content: bytes) -> Any:
    """JSON as it is, so that programs find its fields."""
    text = content[: _KEPT + 1].decode("utf-8", "replace")
    if len(text) > _KEPT:
        return f"{text[:_KEPT]}…"
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
