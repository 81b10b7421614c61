"""Callers that each read one stream of events, all at once.

A process of its own, `python -m benchmarks.stream_load PORT STREAMS COUNT INTERVAL_MS`. Each event holds the instant at
which it was due, on the clock that all processes of the machine share. It prints one line of JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from array import array
from typing import cast

import uvloop

PATIENCE_S = 30.0
_MARK = b'data: {"output":"'


class Stream(asyncio.Protocol):
    """One caller. delays: of all callers, in seconds; ended: set when the answer is over, whole or not."""

    def __init__(self, request: bytes, delays: array[float]) -> None:
        self._request = request
        self._delays = delays
        self._pending = b""
        self.events = 0
        self.whole = False
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no class that asyncio knows.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        *events, self._pending = (self._pending + data).split(b"\n\n")
        for each in events:
            at = each.find(_MARK)
            if at >= 0:
                self.events += 1
                self._delays.append(now - float(each[at + len(_MARK) : each.rindex(b'"')]))
        if self._pending.endswith(b"0\r\n\r\n"):
            self.whole = True
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def run(port: int, streams: int, count: int, interval_ms: int) -> dict[str, float]:
    """Milliseconds from when an event was due to when it was read."""
    body = json.dumps({"count": count, "interval_ms": interval_ms}).encode()
    head = b"POST /score HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\ncontent-length: %d\r\n\r\n"
    request = head % len(body) + body
    delays = array("d")
    loop = asyncio.get_running_loop()
    callers = []
    for _ in range(streams):
        _, caller = await loop.create_connection(lambda: Stream(request, delays), "127.0.0.1", port)
        callers.append(caller)
        await asyncio.sleep(interval_ms / 1000 / streams)  # their tokens come spread over the interval
    await asyncio.wait([each.ended for each in callers], timeout=count * interval_ms / 1000 + PATIENCE_S)
    taken = sorted(delays)
    return {
        "events": len(taken),
        "p50_ms": round(taken[len(taken) // 2] * 1000, 1) if taken else float("nan"),
        "p99_ms": round(taken[int(len(taken) * 0.99)] * 1000, 1) if taken else float("nan"),
        "lost_events": streams * count - len(taken),
        "broken_streams": sum(not each.whole for each in callers),
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(*map(int, sys.argv[1:])))), flush=True)
