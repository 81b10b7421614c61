"""What happens, as it happens: server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from flowstead.api.context import SITE, Context, Here, Needs
from flowstead.api.event_feed import EventFeed, Follower
from flowstead.api.event_streams import EVENT_STREAM, EventStream
from flowstead.api.readable import readable
from flowstead.errors import BadArgument, Unauthorized
from flowstead.resources.principal import Principal
from flowstead.store.records import Event

HEARTBEAT_S = 15.0
"""How often a stream says that it lives, seconds. Then it also looks by itself, since another server on the same store
wakes nobody here, and asks whether its caller's token still holds."""

_AT_ONCE = 100
_LONGEST_NUMBER = 18
router = APIRouter(tags=["events"])


@dataclass(frozen=True)
class _Place:
    """after: the last event that the stream has dealt with. lost: some before it were missed and are forgotten."""

    after: int
    lost: bool = False


class FollowingStream(Response):
    """The answer, which is among the followers for just as long as it is being sent. Raises TooManyStreams."""

    media_type = EVENT_STREAM

    def __init__(
        self, feed: EventFeed, principal_id: str, texts: Callable[[Follower], AsyncGenerator[bytes, None]]
    ) -> None:
        super().__init__()
        self._feed, self._principal_id, self._texts = feed, principal_id, texts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._feed.following(self._principal_id) as follower:
            await EventStream(self._texts(follower))(scope, receive, send)


@router.get(SITE + "/events", response_class=Response)
async def follow_events(
    request: Request,
    here: Here,
    reader: Annotated[Principal, Depends(Needs("workspaces/events/read"))],
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> FollowingStream:
    """Changes of resources and steps of operations, from now on, or from after `Last-Event-ID`.

    `resourceChanged`: `{resourceId, change, …}`; `operationProgressed`: `{resourceId, operationId, status, phase, …}`;
    `reset`: events were missed that are not kept any more, so read anew what you show."""
    place = await to_thread.run_sync(_begin, here, last_event_id)
    return FollowingStream(
        here.feed, reader.object_id, lambda follower: _texts(here, request.headers, reader, place, follower)
    )


async def _texts(
    here: Context, credentials: Headers, reader: Principal, place: _Place, follower: Follower
) -> AsyncGenerator[bytes, None]:
    yield f"retry: 1000\nid: {place.after}\n\n".encode()  # with the number, whoever is cut off at once misses nothing
    if place.lost:
        yield _text("reset", place.after, {})
    after, loop = place.after, asyncio.get_running_loop()
    beat_at = loop.time() + HEARTBEAT_S
    while not here.feed.closed:
        follower.woken.clear()
        found = await to_thread.run_sync(_read, here, after)
        for event in found:
            after = event.sequence
            if readable(reader, event.resource_id):
                yield _text(event.type, after, {"resourceId": event.resource_id, "time": event.at, **event.data})
        if loop.time() >= beat_at:
            if not await to_thread.run_sync(_still_known, here, credentials):
                return
            yield b": alive\n\n"
            beat_at = loop.time() + HEARTBEAT_S
        if len(found) < _AT_ONCE:
            await _woken(follower, beat_at - loop.time())


def _begin(here: Context, last_event_id: str | None) -> _Place:
    with here.store.reading() as tx:
        oldest, newest = tx.history.event_range()
    if not last_event_id:
        return _Place(newest)
    if not (last_event_id.isascii() and last_event_id.isdecimal() and len(last_event_id) <= _LONGEST_NUMBER):
        raise BadArgument("Last-Event-ID is not the id of an event.", target="Last-Event-ID")
    after = int(last_event_id)
    return _Place(after) if oldest - 1 <= after <= newest else _Place(newest, lost=True)


def _read(here: Context, after: int) -> Sequence[Event]:
    with here.store.reading() as tx:
        return tx.history.events(after, limit=_AT_ONCE)


def _still_known(here: Context, credentials: Headers) -> bool:
    """A page that is left open keeps no session alive by listening."""
    try:
        here.callers.recognise(credentials, used=False)
    except Unauthorized:
        return False
    return True


async def _woken(follower: Follower, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await follower.woken.wait()
    except TimeoutError:
        return


def _text(type: str, id: int, data: object) -> bytes:
    written = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"id: {id}\nevent: {type}\ndata: {written}\n\n".encode()
