"""A test from its beginning to its end, as server-sent events: what it waits for, then what the instance tells."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any

import httpx
from anyio import CancelScope, to_thread

from flowstead.errors import (
    DeploymentCrashLoopBackOff,
    FlowsteadError,
    FlowTestTimeout,
    ResourceNotReady,
    ServerUnreachable,
)
from flowstead.flow_tests.instances import FlowTests, Held, Wanted

START_WITHIN_S = 120.0
"""How long an instance may take to be ready, seconds; an environment may take as long as it needs."""
ANSWER_WITHIN_S = 30.0
"""How soon an instance that is ready begins to answer, seconds."""
MOST_S = 600.0
"""How long one test may run, seconds: promptflow's own bound of a line of a run."""
SILENCE_S = 15.0
"""After so many seconds without an event a comment is sent, so that nobody on the way takes the stream for dead."""
_POLL_S = 0.05
_LOOK_S = 0.25
"""How often it is looked whether the server ends, seconds."""
_COMMENT = b": still at work\n\n"


async def run_test(tests: FlowTests, wanted: Wanted, inputs: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
    """The events. Whoever stops to listen ends the run. The last event is `outputs` or `error`."""
    held: Held | None = None
    try:
        async for event, found in _prepare(tests, wanted):
            held = found
            yield event
        if held is not None:
            async with aclosing(_relay(tests, held, inputs)) as events:
                async for piece in events:
                    yield piece
    except FlowsteadError as failure:
        yield event_of("error", {"error": failure.as_body()})
    finally:
        if held is not None:
            with CancelScope(shield=True):
                await to_thread.run_sync(tests.release, held.id)


def event_of(kind: str, content: Mapping[str, Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(content)}\n\n".encode()


async def _prepare(tests: FlowTests, wanted: Wanted) -> AsyncIterator[tuple[bytes, Held | None]]:
    """An event for each thing that it waits for; the last comes with the instance."""
    loop = asyncio.get_running_loop()
    phase, since, said_at, first = "", loop.time(), loop.time(), True
    while not tests.closed:
        # What was held in a thread must not be lost to a caller who leaves in that very moment.
        with CancelScope(shield=True):
            state = await to_thread.run_sync(partial(tests.hold, wanted, first=first))
        first = False
        if isinstance(state, Held):
            yield event_of("ready", {}), state
            return
        now = loop.time()
        if state.phase != phase:
            phase, since, said_at = state.phase, now, now
            yield event_of("preparing", {"phase": phase}), None
        elif phase == "StartingInstance" and now - since > START_WITHIN_S:
            raise ResourceNotReady(f"The instance is not ready after {START_WITHIN_S:.0f} s.")
        elif now - said_at > SILENCE_S:
            said_at = now
            yield _COMMENT, None
        await asyncio.sleep(_POLL_S)
    raise _ending()


async def _relay(tests: FlowTests, held: Held, inputs: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
    try:
        async with (
            aclosing(_told(tests, held, inputs)) as told,
            aclosing(_with_comments(told, tests)) as pieces,
        ):
            async for piece in pieces:
                yield piece
    except httpx.HTTPError as problem:
        details = await to_thread.run_sync(tests.last_words, held.id)
        raise DeploymentCrashLoopBackOff(
            f"The instance ended while the flow ran ({type(problem).__name__}).",
            hint="Mend what the log lines tell of, and test again.",
            details=details,
        ) from None


async def _told(tests: FlowTests, held: Held, inputs: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
    """What the instance tells, as it comes. The runtime begins its answer before the flow runs; code of a flow that has
    taken its place may never do so, or send beginnings without end."""
    transport = httpx.AsyncHTTPTransport(uds=held.address)
    timeout = httpx.Timeout(None, connect=5.0)
    async with httpx.AsyncClient(transport=transport, base_url="http://instance", timeout=timeout) as client:
        request = client.build_request("POST", "/test", content=json.dumps(dict(inputs)))
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                answer = await client.send(request, stream=True)
        except TimeoutError:
            tests.give_up(held.id)
            raise DeploymentCrashLoopBackOff(
                f"The instance has not begun to answer after {ANSWER_WITHIN_S:.0f} s."
            ) from None
        async with aclosing(answer):
            if answer.status_code != 200:
                raise DeploymentCrashLoopBackOff(f"The instance answered {answer.status_code}.")
            async for piece in answer.aiter_raw():
                yield piece


async def _with_comments(pieces: AsyncIterator[bytes], tests: FlowTests) -> AsyncGenerator[bytes, None]:
    """The pieces, and comments while there are none. Raises FlowTestTimeout, and ServerUnreachable when the server
    ends."""
    loop = asyncio.get_running_loop()
    ends_at, comment_at = loop.time() + MOST_S, loop.time() + SILENCE_S
    pending: asyncio.Task[bytes] | None = None
    try:
        while not tests.closed:
            pending = pending or asyncio.ensure_future(_next(pieces))
            done, _ = await asyncio.wait({pending}, timeout=_LOOK_S)
            if loop.time() > ends_at:
                raise FlowTestTimeout(f"The flow has not ended after {MOST_S:.0f} s.")
            if done:
                piece, pending = pending.result(), None
                if not piece:
                    return
                yield piece
            elif loop.time() < comment_at:
                continue
            else:
                yield _COMMENT
            comment_at = loop.time() + SILENCE_S
        raise _ending()
    finally:
        if pending is not None:
            pending.cancel()
            with CancelScope(shield=True):
                await asyncio.wait({pending})  # else what it comes from could not be closed


def _ending() -> ServerUnreachable:
    return ServerUnreachable("The server ends, and the test with it.")


async def _next(pieces: AsyncIterator[bytes]) -> bytes:
    """The next piece, empty at the end."""
    return await anext(pieces, b"")
