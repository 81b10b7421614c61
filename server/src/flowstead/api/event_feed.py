"""Wakes those who follow the events, in their own event loop, when the store has written some."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from flowstead.errors import TooManyStreams
from flowstead.store import Store

MAX_FOLLOWERS = 200
"""Streams that are open at once: each holds a connection and reads the store after every change."""

MAX_OF_ONE = 20
"""Of one principal: a browser opens one a page."""


@dataclass(eq=False)
class Follower:
    """principal_id: whose stream it is. woken: there may be something new, or the feed has ended."""

    principal_id: str
    loop: asyncio.AbstractEventLoop
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class EventFeed:
    """One for an application. `told` and `close` may be called from any thread."""

    def __init__(self, store: Store) -> None:
        self.closed = False
        self._followers: frozenset[Follower] = frozenset()
        self._end = store.follow(self.told)

    @contextmanager
    def following(self, principal_id: str) -> Iterator[Follower]:
        """From within an event loop. Raises TooManyStreams."""
        if len(self._followers) >= MAX_FOLLOWERS:
            raise TooManyStreams
        if sum(each.principal_id == principal_id for each in self._followers) >= MAX_OF_ONE:
            raise TooManyStreams(f"You have {MAX_OF_ONE} event streams open, the most at once.")
        follower = Follower(principal_id, asyncio.get_running_loop())
        self._followers |= {follower}
        try:
            yield follower
        finally:
            self._followers -= {follower}

    def told(self) -> None:
        """Something new has been written."""
        for follower in self._followers:
            try:
                follower.loop.call_soon_threadsafe(follower.woken.set)
            except RuntimeError:  # its loop has just ended, and with it the stream
                continue

    def close(self) -> None:
        """End all streams: their callers come back with the number of the last event that they got."""
        self.closed = True
        self._end()
        self.told()
