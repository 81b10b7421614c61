"""An instance that answers with what it was asked: a real server on two Unix sockets, in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs

import uvicorn

from flowstead.gateway.description import Upstream

_Message = MutableMapping[str, Any]
_PATIENCE_S = 10.0


class EchoInstance:
    """Answers any request with JSON: {name, method, path, query, headers, bytes}.

    In the query: `sleep` seconds before the answer; `hold` waits for `release`; `events` how many server-sent events
    to answer with, `gap` seconds between them. healthy: what the health socket says; delay_s, status: how long every
    answer takes, and what it is; headers: what it says beside its own. requests: what came in; checks: health checks
    so far.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self.name, self.healthy = name, True
        self.delay_s, self.status = 0.0, 200
        self.headers: dict[str, str] = {}
        self.requests: list[dict[str, Any]] = []
        self.checks = 0
        self.release = threading.Event()
        self._paths = (str(directory / f"{name}.s"), str(directory / f"{name}.h"))
        config = uvicorn.Config(self._answer, log_level="critical", lifespan="off", interface="asgi3")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name=f"echo {name}", daemon=True)

    @property
    def upstream(self) -> Upstream:
        return Upstream(*self._paths)

    def __enter__(self) -> EchoInstance:
        self._thread.start()
        give_up_at = time.monotonic() + _PATIENCE_S
        while not self._server.started:
            if time.monotonic() > give_up_at or not self._thread.is_alive():
                raise RuntimeError(f"The echo instance {self.name} did not start.")
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(_PATIENCE_S)
        for path in self._paths:
            Path(path).unlink(missing_ok=True)

    def _serve(self) -> None:
        sockets = []
        for path in self._paths:
            listening = socket.socket(socket.AF_UNIX)
            listening.bind(path)
            listening.listen(1024)
            sockets.append(listening)
        self._server.run(sockets)

    async def _answer(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        if scope["server"][0] == self._paths[1]:
            self.checks += 1
            await _send(send, 200 if self.healthy else 503, {"path": scope["path"]}, {})
            return
        size = 0
        while (message := await receive())["type"] == "http.request":
            size += len(message["body"])
            if not message["more_body"]:
                break
        asked = _describe(scope) | {"name": self.name, "bytes": size}
        self.requests.append(asked)
        query = {key: float(values[-1]) for key, values in parse_qs(asked["query"]).items() if key in _COMMANDS}
        await asyncio.sleep(query.get("sleep", self.delay_s))
        if "hold" in query:
            await asyncio.to_thread(self.release.wait, _PATIENCE_S)
        if "events" in query:
            await _stream(send, int(query["events"]), query.get("gap", 0.0), self.headers)
        else:
            await _send(send, self.status, asked, self.headers)


_COMMANDS = ("sleep", "hold", "events", "gap")


def _describe(scope: _Message) -> dict[str, Any]:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return {
        "method": scope["method"],
        "path": scope["path"],
        "raw_path": scope["raw_path"].decode("latin-1"),
        "query": scope["query_string"].decode("latin-1"),
        "headers": headers,
    }


def _headers(content_type: str, more: dict[str, str]) -> list[tuple[bytes, bytes]]:
    named = {"content-type": content_type, "set-cookie": "session=stolen"} | more
    return [(name.encode(), value.encode()) for name, value in named.items()]


async def _send(
    send: Callable[[_Message], Awaitable[None]], status: int, content: dict[str, Any], more: dict[str, str]
) -> None:
    body = json.dumps(content).encode()
    headers = [*_headers("application/json", more), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _stream(send: Callable[[_Message], Awaitable[None]], events: int, gap: float, more: dict[str, str]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _headers("text/event-stream", more)})
    for number in range(events):
        await send({"type": "http.response.body", "body": f"data: {number}\n\n".encode(), "more_body": True})
        await asyncio.sleep(gap)
    await send({"type": "http.response.body", "body": b""})
