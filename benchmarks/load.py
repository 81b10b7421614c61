"""The load: connections that each send the next request when the last answer is there (a closed loop).

A process of its own, `python -m benchmarks.load PORT CONNECTIONS SECONDS [WARM_UP_S [SPREAD_S]]`, so that it can sit
on a core of its own. It reads no more of an answer than it must (about 10 µs of CPU a request), yet at several
thousand requests a second it is part of what is measured; all servers are measured with the same one. It prints one
line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from array import array
from time import perf_counter
from typing import cast

import uvloop

WARM_UP_S = 0.5
_BODY = json.dumps({"text": "hello"}).encode()
REQUEST = (
    b"POST /score HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
    % (len(_BODY), _BODY)
)


class Tally:
    """What all connections saw. answers: the warm-up's too; taking: whether it is over."""

    def __init__(self) -> None:
        self.taking = False
        self.answers = 0
        self.seconds = array("d")
        self.not_ok = 0
        self.dropped = 0


class Connection(asyncio.Protocol):
    """One caller. Where the server closes after an answer, as it may, the next request opens a new connection, and its
    time counts; a connection that breaks before its answer is counted as dropped."""

    def __init__(self, tally: Tally, port: int) -> None:
        self._tally = tally
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._pending = b""
        self._waiting = True
        self._began_at = perf_counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no class that asyncio knows.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        self._pending = self._pending + data if self._pending else data
        end = self._pending.find(b"\r\n\r\n")
        if end < 0 or self._transport is None:
            return
        head = self._pending[:end].lower()
        if not _is_whole(self._pending, head):
            return
        self._tally.answers += 1
        if self._tally.taking:
            self._tally.seconds.append(perf_counter() - self._began_at)
            if not head.startswith(b"http/1.1 200"):
                self._tally.not_ok += 1
        self._pending = b""
        if b"connection: close" in head:
            self._waiting = False
            self._transport.close()
            return
        self._began_at = perf_counter()
        self._transport.write(REQUEST)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._tally.taking and self._waiting:
            self._tally.dropped += 1
        asyncio.get_running_loop().create_task(connect(self._tally, self._port))


def _is_whole(answer: bytes, head: bytes) -> bool:
    at = head.find(b"content-length:")
    if at < 0:
        return answer.endswith(b"0\r\n\r\n")
    length = int(head[at + 15 :].split(b"\r\n", 1)[0])
    return len(answer) >= len(head) + 4 + length


async def connect(tally: Tally, port: int) -> None:
    """Open one connection; it begins at once."""
    await asyncio.get_running_loop().create_connection(lambda: Connection(tally, port), "127.0.0.1", port)


async def run(
    port: int, connections: int, seconds: float, warm_up_s: float = WARM_UP_S, spread_s: float = 0.0
) -> dict[str, float]:
    """Load the server, first to warm it up, then to measure. Milliseconds and requests a second. spread_s: over which
    the connections are opened, evenly; at once when it is 0."""
    tally = Tally()
    if spread_s:
        for _ in range(connections):
            await connect(tally, port)
            await asyncio.sleep(spread_s / connections)
    else:
        await asyncio.gather(*(connect(tally, port) for _ in range(connections)))
    await asyncio.sleep(warm_up_s)
    tally.taking = True
    started = perf_counter()
    await asyncio.sleep(seconds)
    took = perf_counter() - started
    tally.taking = False
    taken = sorted(tally.seconds)
    return {
        "requests_per_s": round(len(taken) / took, 1),
        "p50_ms": _percentile(taken, 0.50),
        "p99_ms": _percentile(taken, 0.99),
        "answers": tally.answers,
        "not_ok": tally.not_ok,
        "dropped": tally.dropped,
    }


def _percentile(taken: list[float], share: float) -> float:
    return round(taken[min(len(taken) - 1, int(len(taken) * share))] * 1000, 3) if taken else float("nan")


if __name__ == "__main__":
    measured = uvloop.run(run(int(sys.argv[1]), int(sys.argv[2]), *map(float, sys.argv[3:])))
    print(json.dumps(measured), flush=True)
