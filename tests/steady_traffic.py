"""Requests at a steady rate, as callers who know nothing of what happens behind the door send them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter

import httpx

from tests.installation import eventually

RATE = 50
"""Requests a second."""
CALLERS = 10
"""At once. After a stall of this machine the loop catches up, and more at once than a deployment takes are a 429."""


class Traffic:
    """An open loop of requests at a steady rate, in a thread of its own; `outcomes` counts statuses and exceptions."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key, self.outcomes = url, key, Counter[str]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send()))

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def passes(self, count: int, what: str) -> None:
        """Wait until `count` more requests were answered with 200."""
        wanted = self.outcomes["200"] + count
        eventually(what, lambda: self.outcomes["200"] >= wanted)

    async def _send(self) -> None:
        headers = {"Authorization": f"Bearer {self.key}"}
        limits = httpx.Limits(max_connections=CALLERS)
        client = httpx.AsyncClient(headers=headers, timeout=60, limits=limits)
        async with client, asyncio.TaskGroup() as tasks:
            next_at = time.monotonic()
            while not self._stop.is_set():
                tasks.create_task(self._one(client))
                next_at += 1 / RATE
                await asyncio.sleep(max(0, next_at - time.monotonic()))

    async def _one(self, client: httpx.AsyncClient) -> None:
        try:
            answer = await client.post(self.url, json={"text": "x"})
        except httpx.HTTPError as failure:
            self.outcomes[type(failure).__name__] += 1
        else:
            self.outcomes[str(answer.status_code)] += 1
