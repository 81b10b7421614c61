"""How long a request may take until its first byte, and what happens when its caller hangs up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, NoReturn

from flowstead_runtime.errors import DeadlineExceeded, InputError
from flowstead_runtime.serving.exchange import Exchange, Handler
from flowstead_runtime.serving.overdue import Overdue
from flowstead_runtime.serving.request_ids import TIMEOUT

if TYPE_CHECKING:
    from flowstead_runtime.serving.serving import Serving

LOOK_AFTER_S = 0.2
"""A request that takes longer than this is worth a task that looks for its caller; for shorter ones the task would
cost more than the work it could save."""


def keep_deadline(serving: Serving, proceed: Handler) -> Handler:
    """Layer: what has not begun to answer at the deadline is cancelled, and is a 408."""
    if serving.deadlines is None:
        return proceed
    deadlines = serving.deadlines

    async def kept(exchange: Exchange) -> None:
        due_at = deadlines.watch(exchange)
        exchange.deadline = due_at if exchange.deadline is None else min(due_at, exchange.deadline)
        try:
            await proceed(exchange)
        except asyncio.CancelledError:
            raise_verdict(exchange)
        finally:
            deadlines.forget(exchange)

    return kept


def keep_callers_deadline(serving: Serving, proceed: Handler) -> Handler:
    """Layer: the same for the time that the caller gave, from the request's arrival, time in the queue included. It
    can only be sooner than the deployment's."""
    timers = serving.timers

    def kept(exchange: Exchange) -> Awaitable[None]:
        return proceed(exchange) if exchange.timeout_s is None else kept_for_caller(exchange, exchange.timeout_s)

    async def kept_for_caller(exchange: Exchange, timeout_s: float) -> None:
        name = TIMEOUT.decode()
        if not timeout_s:
            raise InputError(f"The header {name} must be a positive whole number of milliseconds.")
        verdict = DeadlineExceeded(f"The flow did not answer within {timeout_s:g} s, which {name} asked for.")
        exchange.deadline = timers.time() + timeout_s
        timer = timers.call_at(exchange.deadline, lambda: exchange.cut_short(verdict))
        try:
            await proceed(exchange)
        except asyncio.CancelledError:
            raise_verdict(exchange)
        finally:
            timer.cancel()

    return kept


def raise_verdict(exchange: Exchange) -> NoReturn:
    """Turn the cancellation, as whose handler this is called, into why the request was cut short, if that is its
    reason."""
    if exchange.verdict is None or exchange.gone:
        raise
    if exchange.task is not None:
        exchange.task.uncancel()
    raise exchange.verdict from None


def make_deadlines(timeout_s: float | None, serving: Serving) -> Overdue[Exchange] | None:
    """The watch over requests in flight; None when there is no time-out."""
    if timeout_s is None:
        return None
    message = f"The flow did not answer within {timeout_s:g} s, the time-out of this deployment."
    return Overdue(timeout_s, lambda each: each.cut_short(DeadlineExceeded(message)), serving.timers)


def watch_caller(serving: Serving, proceed: Handler) -> Handler:
    """Layer: when the caller hangs up, its request is cancelled, so that nothing runs for nobody."""
    looking: dict[Exchange, asyncio.Task[None]] = {}

    def look(exchange: Exchange) -> None:
        looking[exchange] = asyncio.get_running_loop().create_task(_until_hang_up(exchange))

    waiting = Overdue(LOOK_AFTER_S, look, serving.timers)

    async def watched(exchange: Exchange) -> None:
        waiting.watch(exchange)
        try:
            await proceed(exchange)
        finally:
            waiting.forget(exchange)
            task = looking.pop(exchange, None)
            if task is not None:
                task.cancel()

    return watched


async def _until_hang_up(exchange: Exchange) -> None:
    while True:
        message = await exchange.receive()
        if message["type"] == "http.disconnect":
            exchange.hang_up()
            return
