"""Requests at a steady rate, as callers who know nothing of what happens behind the door send them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import httpx

from tests.installation import eventually

RATE = 50
"""Requests a second."""
CALLERS = 10
"""At once. After a stall of this machine the loop catches up, and more at once than a deployment takes are a 429."""


@dataclass(frozen=True)
class Answer:
    """began: when the request was due, on the monotonic clock, so that what a stall keeps back counts; seconds: until
    the answer was there; outcome: its status, or the exception's name; retry_after: "" for none."""

    began: float
    seconds: float
    outcome: str
    retry_after: str = ""

    @property
    def ended(self) -> float:
        return self.began + self.seconds


class Traffic:
    """An open loop of requests at a steady rate, in a thread of its own; `outcomes` counts statuses and exceptions,
    `answers` holds each of them."""

    def __init__(
        self, url: str, key: str, *, rate: float = RATE, callers: int = CALLERS, body: Any = None, timeout_s: float = 60
    ) -> None:
        """rate: a second. callers: how many there are at once at the most."""
        self.url, self.key = url, key
        self.outcomes, self.answers = Counter[str](), list[Answer]()
        self._rate, self._callers, self._timeout_s = rate, callers, timeout_s
        self._body = {"text": "x"} if body is None else body
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

    def seconds(self, outcome: str) -> list[float]:
        """How long those took that ended so, the quickest first."""
        return sorted(each.seconds for each in self.answers if each.outcome == outcome)

    def others_than(self, outcome: str) -> list[Answer]:
        return sorted((each for each in self.answers if each.outcome != outcome), key=lambda each: each.ended)

    async def _send(self) -> None:
        headers = {"Authorization": f"Bearer {self.key}"}
        limits = httpx.Limits(max_connections=self._callers, max_keepalive_connections=self._callers)
        client = httpx.AsyncClient(headers=headers, timeout=self._timeout_s, limits=limits)
        async with client, asyncio.TaskGroup() as tasks:
            next_at = time.monotonic()
            while not self._stop.is_set():
                tasks.create_task(self._one(client, next_at))
                next_at += 1 / self._rate
                await asyncio.sleep(max(0, next_at - time.monotonic()))

    async def _one(self, client: httpx.AsyncClient, due: float) -> None:
        retry_after = ""
        try:
            answer = await client.post(self.url, json=self._body)
        except httpx.HTTPError as failure:
            outcome = type(failure).__name__
        else:
            outcome, retry_after = str(answer.status_code), answer.headers.get("Retry-After", "")
        self.answers.append(Answer(due, time.monotonic() - due, outcome, retry_after))
        self.outcomes[outcome] += 1


class OpenStreams:
    """So many streams open at any time, each read to its end and followed by the next. `outcomes` counts those that
    were `whole`, `cut`, and else the status or the exception, `begun` those whose first piece was there. A flow's
    stream ends with the piece END."""

    def __init__(self, url: str, key: str, count: int, *, body: Any = None) -> None:
        self.outcomes, self.begun = Counter[str](), 0
        self._url, self._key, self._count = url, key, count
        self._body = {"text": "stream"} if body is None else body
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._read()))

    def __enter__(self) -> OpenStreams:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Those that are open are read to their end."""
        self._stop.set()
        self._thread.join(120)

    async def _read(self) -> None:
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "text/event-stream"}
        limits = httpx.Limits(max_connections=self._count)
        async with httpx.AsyncClient(headers=headers, timeout=60, limits=limits) as client:
            await asyncio.gather(*(self._one_after_another(client) for _ in range(self._count)))

    async def _one_after_another(self, client: httpx.AsyncClient) -> None:
        while not self._stop.is_set():
            self.outcomes[await self._one(client)] += 1

    async def _one(self, client: httpx.AsyncClient) -> str:
        last = ""
        try:
            async with client.stream("POST", self._url, json=self._body) as answer:
                if answer.status_code != 200:
                    return str(answer.status_code)
                async for line in answer.aiter_lines():
                    self.begun += not last
                    last = line or last
        except httpx.HTTPError as failure:
            return "cut" if last else type(failure).__name__
        return "whole" if "END" in last else "cut"


def quantile(seconds: Sequence[float], share: float) -> float:
    """The value below which that share lies; seconds are sorted. 0 for none."""
    return seconds[min(len(seconds) - 1, int(share * len(seconds)))] if seconds else 0.0


def longest_gap(answers: Sequence[Answer], outcome: str = "200") -> float:
    """The longest time between two answers of that outcome, seconds."""
    ends = sorted(each.ended for each in answers if each.outcome == outcome)
    return max(_differences(ends), default=0.0)


def _differences(moments: Sequence[float]) -> Iterator[float]:
    return (later - earlier for earlier, later in pairwise(moments))
