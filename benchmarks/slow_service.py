"""The server that a slow flow calls: it answers every request after a second.

A process of its own, `python -m benchmarks.slow_service`: it prints its port, and ends when its input does."""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

TAKES_S = 1.0
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 4\r\nconnection: close\r\n\r\nslow"


class _Answer(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            asyncio.get_running_loop().call_later(TAKES_S, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():  # a server that was ended with requests in flight
            self._transport.write(_ANSWER)
            self._transport.close()


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Answer, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(serve())
