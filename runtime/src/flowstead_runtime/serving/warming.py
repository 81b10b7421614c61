"""The warm call: before an instance says that it is ready it answers the first sample of its flow to itself. What is
slow once, such as a client's first connection or a model that is loaded when it is needed, is then behind it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flowstead_runtime import tracing
from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.serving.accept import EVENT_STREAM, parse_accept
from flowstead_runtime.serving.decoding import decode, fetch_images
from flowstead_runtime.serving.encoding import encode
from flowstead_runtime.serving.exchange import Exchange, Layer
from flowstead_runtime.serving.execution import execute
from flowstead_runtime.serving.exit_codes import WARM_CALL_UNANSWERED
from flowstead_runtime.serving.outputs import select_outputs
from flowstead_runtime.serving.serving import Serving
from flowstead_runtime.serving.settings import WARM
from flowstead_runtime.serving.types import Message
from flowstead_runtime.telemetry.collection import REQUEST, CollectedRequest

log = logging.getLogger("flowstead.serving")

LAYERS: tuple[Layer, ...] = (decode, fetch_images, execute, select_outputs)
"""As in `score`, without those that let callers in, count, trace and collect."""
_UNCOLLECTED = CollectedRequest("warm-call", 1.0)
"""Its draw is below no rate, so the flow's own collectors keep nothing of it."""


async def warm(serving: Serving, give_up: Callable[[], object]) -> None:
    """Answer the first sample; streams are read to their end. A failure of the flow's own is logged and is no reason
    not to serve: requests may well be other than the sample.

    give_up: called in another thread when no answer has begun within the request time-out. A flow that blocks the event
    loop is found so too."""
    sample, timeout_s = serving.definition.sample, serving.settings.timeout_s
    timer = threading.Timer(timeout_s, give_up) if timeout_s is not None else None
    began = time.monotonic()
    if timer is not None:
        timer.daemon = True
        timer.start()
    REQUEST.set(_UNCOLLECTED)
    try:
        with tracing.quiet():
            await _answer(serving, sample, timer.cancel if timer is not None else lambda: None)
    except Exception as problem:
        _tell_failure(problem)
    except asyncio.CancelledError as problem:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        _tell_failure(problem)  # the flow's code cancelled its own task
    else:
        took = time.monotonic() - began
        print(f"Warmed with the first sample of samples.json in {took:.1f} s", file=sys.stderr, flush=True)
    finally:
        if timer is not None:
            timer.cancel()


def end_unanswered(flow: Path, timeout_s: float) -> None:
    """Say why, and end the process: no restart would mend it."""
    lines = [
        "The flow does not answer its warm call.",
        f"  flow:  {flow}",
        f"  cause: no answer to the first sample of samples.json within {timeout_s:g} s, the request time-out",
        "  next:  mend what the flow waits for, or give samples.json a first sample that is answered in time; a flow",
        f"         that needs longer takes a larger request_timeout_ms; {WARM}=false among the environment variables",
        "         switches warm calls off",
    ]
    print(SECRETS.hide("\n".join(lines)), file=sys.stderr, flush=True)
    os._exit(WARM_CALL_UNANSWERED)


async def _answer(serving: Serving, sample: Mapping[str, Any], answered: Callable[[], object]) -> None:
    body = json.dumps(sample).encode()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        answered()

    exchange = Exchange({"type": "http", "headers": []}, receive, send)
    exchange.request_id = _UNCOLLECTED.id
    exchange.accept = parse_accept(f"{EVENT_STREAM}, application/json")
    if serving.settings.timeout_s is not None:
        exchange.deadline = serving.timers.time() + serving.settings.timeout_s
    handler = encode(serving)
    for layer in reversed(LAYERS):
        handler = layer(serving, handler)
    await handler(exchange)


def _tell_failure(problem: BaseException) -> None:
    said = problem.for_log if isinstance(problem, RuntimeFailure) else str(problem)
    log.warning(
        "the warm call with the first sample of samples.json failed, and the instance serves all the same: %s: %s. "
        "Correct the flow or the sample; %s=false switches warm calls off.",
        type(problem).__name__,
        said,
        WARM,
    )
