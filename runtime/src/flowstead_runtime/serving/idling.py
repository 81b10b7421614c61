"""When an instance that nobody asks may end: it lets go of its socket first, so that no connection is lost by it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import uvicorn

LOOK_EVERY_S = 0.25
SETTLE_S = 0.2
"""How long a connection that was taken just before may need to be seen."""


@dataclass
class Idleness:
    """Since when nobody has asked for anything. after_s: how long that must be. Times are of one clock."""

    after_s: float
    since: float
    requests: int = 0

    def look(self, *, now: float, requests: int, running: int, connections: int) -> bool:
        """Whether it is time to end. requests: how many were answered so far; running: how many are being answered,
        streams among them; connections: that are open. A gateway closes the ones that it does not use; while there is
        one, the next request may be on its way."""
        if running or requests != self.requests:
            self.requests, self.since = requests, now
        return not running and not connections and now - self.since >= self.after_s


async def until_idle(server: uvicorn.Server, after_s: float, listen: Callable[[], Awaitable[None]]) -> None:
    """Return when nobody has asked for that long and nobody can ask any more: the server listens no longer,
    and what comes waits in its sockets for the next process. listen: makes it listen again."""
    loop, state = asyncio.get_running_loop(), server.server_state
    idleness = Idleness(after_s, loop.time())

    def is_idle() -> bool:
        return idleness.look(
            now=loop.time(),
            requests=state.total_requests,
            running=len(state.tasks),
            connections=len(state.connections),
        )

    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        if not is_idle():
            continue
        for listening in server.servers:
            listening.close()
        await asyncio.sleep(SETTLE_S)
        if is_idle():
            return
        await listen()
