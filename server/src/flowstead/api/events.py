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

from flowstead.access.decisions import allowed
from flowstead.api.context import SITE, Context, Here, Needs
from flowstead.api.event_feed import EventFeed, Follower
from flowstead.api.event_streams import EVENT_STREAM, EventStream
from flowstead.api.readable import readable
from flowstead.errors import BadArgument, IssuerUnreachable, Unauthorized
from flowstead.resources.principal import Principal
from flowstead.store.records import Event

HEARTBEAT_S = 15.0
"""How often a stream says that it lives, seconds. Then it also looks by itself, since another server on the same store
wakes nobody here, and not every end of a token is an event."""

_AT_ONCE = 100
_LONGEST_NUMBER = 18
_FOLLOW = Needs("workspaces/events/read")
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
    reader: Annotated[Principal, Depends(_FOLLOW)],
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> FollowingStream:
    """Changes of resources and steps of operations, from now on, or from after `Last-Event-ID`.

    `resourceChanged`: `{resourceId, change, …}`; `operationProgressed`: `{resourceId, operationId, status, phase, …}`;
    `reset`: events were missed that are not kept any more, so read anew what you show."""
    place = await to_thread.run_sync(_begin, here, last_event_id)
    return FollowingStream(here.feed, reader.object_id, lambda follower: _texts(here, request.headers, place, follower))


async def _texts(here: Context, credentials: Headers, place: _Place, follower: Follower) -> AsyncGenerator[bytes, None]:
    yield f"retry: 1000\nid: {place.after}\n\n".encode()  # with the number, whoever is cut off at once misses nothing
    if place.lost:
        yield _text("reset", place.after, {})
    after, loop = place.after, asyncio.get_running_loop()
    beat_at = loop.time() + HEARTBEAT_S
    while not here.feed.closed:
        follower.woken.clear()
        found, reader = await to_thread.run_sync(_read, here, after, credentials)
        if reader is None:
            return
        for event in found:
            after = event.sequence
            if readable(reader, event.resource_id):
                yield _text(event.type, after, {"resourceId": event.resource_id, "time": event.at, **event.data})
        if loop.time() >= beat_at:
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


def _read(here: Context, after: int, credentials: Headers) -> tuple[Sequence[Event], Principal | None]:
    """What has happened, and who may be told of it: None when the caller may not follow events any more.

    The caller is looked at after the events were, so with each batch come roles that are no older than it is."""
    with here.store.reading() as tx:
        found = tx.history.events(after, limit=_AT_ONCE)
    try:
        # A page that is left open keeps no session alive by listening.
        reader = here.callers.recognise(credentials, used=False).principal
    except (Unauthorized, IssuerUnreachable):
        return found, None
    return found, reader if allowed(reader, _FOLLOW.action, f"{here.workspace.path}/events") else None


async def _woken(follower: Follower, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await follower.woken.wait()
    except TimeoutError:
        return


def _text(type: str, id: int, data: object) -> bytes:
    written = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"id: {id}\nevent: {type}\ndata: {written}\n\n".encode()
