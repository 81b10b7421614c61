"""The way of a request through `POST /test`: the flow runs as for `/score`, and all that its nodes do is told.

Only in instances that are there to try a flow out (`ServingSettings.tells_nodes`); the gateway knows no such route.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from flowstead_runtime.errors import InternalFailure, RuntimeFailure
from flowstead_runtime.serving.accept import EVENT_STREAM, parse_accept
from flowstead_runtime.serving.admission import admit
from flowstead_runtime.serving.deadline import watch_caller
from flowstead_runtime.serving.decoding import decode, fetch_images
from flowstead_runtime.serving.encoding import encode_outputs, stream_failure, to_json
from flowstead_runtime.serving.exchange import CallerGone, Exchange, Handler, Layer
from flowstead_runtime.serving.execution import execute
from flowstead_runtime.serving.observing import trace
from flowstead_runtime.serving.outputs import Outputs, select
from flowstead_runtime.serving.report import Report
from flowstead_runtime.serving.streams import close, pieces
from flowstead_runtime.telemetry.watching import WATCHER

if TYPE_CHECKING:
    from flowstead_runtime.serving.serving import Serving

log = logging.getLogger("flowstead.serving")

LAYERS: tuple[Layer, ...] = (admit, decode, watch_caller, fetch_images, trace, execute)
"""As in `score`, without those that only speak of a deployment. No time-out: whoever tries a flow out may leave."""


def build_test(serving: Serving) -> Handler:
    """The handler of a test."""
    handler = _take_outputs(serving)
    for layer in reversed(LAYERS):
        handler = layer(serving, handler)
    run = handler

    async def tested(exchange: Exchange) -> None:
        report = Report(serving.definition)
        WATCHER.set(report)
        exchange.accept = parse_accept(EVENT_STREAM)
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
        await exchange.start(200, headers)
        sending = asyncio.get_running_loop().create_task(report.send_all(exchange))
        try:
            await _run(run, exchange, report)
            report.close()
            await sending
            await exchange.send({"type": "http.response.body", "body": b""})
        finally:
            sending.cancel()

    return tested


async def _run(run: Handler, exchange: Exchange, report: Report) -> None:
    try:
        await run(exchange)
        report.completed(
            exchange.outputs.values if exchange.outputs.named else next(iter(exchange.outputs.values.values()))
        )
    except RuntimeFailure as failure:
        report.failed(failure)
    except CallerGone:
        log.info("test %s: the caller hung up", exchange.request_id)
    except asyncio.CancelledError:
        if exchange.gone:
            log.info("test %s: the caller hung up", exchange.request_id)
            return
        if exchange.task is not None and exchange.task.cancelling():
            raise
        report.failed(InternalFailure("The flow's code cancelled its own task."))
    except Exception as problem:
        log.exception("test %s failed in the runtime", exchange.request_id)
        report.failed(InternalFailure.of(problem))


def _take_outputs(serving: Serving) -> Handler:
    """Takes the outputs, all of them, streams piece by piece."""

    async def taken(exchange: Exchange) -> None:
        outputs, _ = select(exchange.result, None)
        values = dict(outputs.values)
        report = _report()
        for name in outputs.streams:
            values[name] = await _joined(serving, report, name, values[name])
        encode_outputs(values, outputs.named)  # raises for what has no JSON form
        exchange.outputs = Outputs(values, outputs.named, ())

    return taken


async def _joined(serving: Serving, report: Report, name: str, stream: Any) -> str:
    """The stream as one text, its pieces told as they come."""
    texts: list[str] = []
    try:
        async with contextlib.aclosing(pieces(stream, serving.stream_threads)) as source:
            async for piece in source:
                to_json(piece)
                report.chunk(name, piece)
                texts.append(str(piece))
                await report.keep_up()
    except RuntimeFailure:
        raise
    except Exception as problem:
        raise stream_failure(serving, problem) from problem
    finally:
        await close(stream, serving.stream_threads)
    return "".join(texts)


def _report() -> Report:
    """That of the request which runs here."""
    found = WATCHER.get()
    if not isinstance(found, Report):
        raise TypeError("A test has a report.")
    return found
