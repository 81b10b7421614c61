"""What the caller gets when a request fails. The outermost layer that can answer, so it sees every failure."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.errors import (
    DeadlineExceeded,
    InternalFailure,
    PayloadTooLarge,
    RuntimeFailure,
    TooManyRequests,
    UnsupportedEncoding,
)
from flowstead_runtime.serving.exchange import CallerGone, Exchange, Handler
from flowstead_runtime.serving.types import Headers

if TYPE_CHECKING:
    from flowstead_runtime.serving.serving import Serving

log = logging.getLogger("flowstead.serving")

OUR_OWN = (DeadlineExceeded, PayloadTooLarge, TooManyRequests, UnsupportedEncoding)
"""Answers of the instance about itself, not of the flow: they keep their status."""

MODEL_ERROR = 424
RETRY_AFTER_S = 1
_REASON_SHOWN = 500


def answer_failures(serving: Serving, proceed: Handler) -> Handler:
    """Layer: turns what was raised behind it into an answer. After the first bytes are out the status is settled: a
    stream says what happened in a last event, and the connection is cut, so that every caller sees an incomplete body.
    """
    wrap = serving.settings.wrap_failures

    async def answered(exchange: Exchange) -> None:
        try:
            await proceed(exchange)
        except RuntimeFailure as failure:
            await answer(exchange, failure, wrap=wrap)
        except CallerGone:
            log.info("request %s: the caller hung up", exchange.request_id)
        except asyncio.CancelledError:
            await _answer_cancelled(exchange, wrap)
        except Exception as problem:
            log.exception("request %s failed in the runtime", exchange.request_id)
            await answer(exchange, InternalFailure.of(problem), wrap=wrap)

    return answered


async def answer(exchange: Exchange, failure: RuntimeFailure, *, wrap: bool) -> None:
    """Send the failure; wrap: as a managed online endpoint reports its model's failures."""
    log.warning(
        "request %s: %d %s: %s",
        exchange.request_id,
        failure.status,
        type(failure).__name__,
        failure.for_log[:_REASON_SHOWN],
    )
    if exchange.started:
        await _end_stream(exchange, failure)
        return
    status, headers = status_and_headers(failure, wrap=wrap)
    await exchange.reply(status, told(failure), headers)


async def _end_stream(exchange: Exchange, failure: RuntimeFailure) -> None:
    """The body stays incomplete: the server cuts the connection when the application leaves it so."""
    if exchange.streaming:
        last = b"event: error\ndata: " + told(failure) + b"\n\n"
        await exchange.send({"type": "http.response.body", "body": last, "more_body": True})


def told(failure: RuntimeFailure) -> bytes:
    """The error body without this process's secrets: the message may be that of an exception of the flow's."""
    body = failure.as_body()
    shown = {"error": {**body["error"], "message": SECRETS.hide(failure.message)}}
    # Escapes keep half surrogates of user text sendable.
    return json.dumps(shown).encode("ascii")


def status_and_headers(failure: RuntimeFailure, *, wrap: bool) -> tuple[int, Headers]:
    """The status to send and the headers that go with it."""
    headers: Headers = [(b"content-type", b"application/json")]
    if isinstance(failure, TooManyRequests):
        headers.append((b"retry-after", b"%d" % RETRY_AFTER_S))
    if isinstance(failure, UnsupportedEncoding):
        headers.append((b"accept-encoding", b"gzip, deflate"))
    if isinstance(failure, PayloadTooLarge):
        # The rest of the body is not read, so the connection cannot be used again.
        headers.append((b"connection", b"close"))
    if not wrap or isinstance(failure, OUR_OWN):
        return failure.status, headers
    headers.append((b"ms-azureml-model-error-statuscode", b"%d" % failure.status))
    headers.append((b"ms-azureml-model-error-reason", b"model_error"))
    return MODEL_ERROR, headers


async def _answer_cancelled(exchange: Exchange, wrap: bool) -> None:
    """The caller is gone, the process ends, or the flow's own code cancelled itself."""
    if exchange.gone:
        log.info("request %s: the caller hung up", exchange.request_id)
        return
    if exchange.task is not None and exchange.task.cancelling():
        raise asyncio.CancelledError
    await answer(exchange, InternalFailure("The flow's code cancelled its own task."), wrap=wrap)
