"""A home with its gateway alone, and callers of it."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from flowstead.gateway.description import Door, GatewayDeployment, GatewayEndpoint, Upstream
from flowstead.gateway.process import EnvoyGateway
from flowstead.resources.home import Home
from flowstead.testing.echo_instance import EchoInstance

PATIENCE_S = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def door_of(home: Home, port: int | None = None) -> Door:
    return Door("127.0.0.1", port or free_port(), str(home.api_socket), str(home.logs / "access.log"))


def eventually_so(condition: Callable[[], bool]) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < PATIENCE_S, f"not within {PATIENCE_S} s"
        time.sleep(0.01)
    return time.monotonic() - began


class Site:
    """A home with its gateway and what a caller does there."""

    def __init__(self, root: Path) -> None:
        self.home = Home.at(root)
        self.home.create()
        self.door = door_of(self.home)
        self.gateway = EnvoyGateway(self.home, self.door)

    @property
    def pid(self) -> int:
        seen = self.gateway.observe()
        assert seen is not None
        assert seen.pid is not None
        return seen.pid

    def url(self, path: str = "/endpoints/ask/score") -> str:
        return f"http://127.0.0.1:{self.door.port}{path}"

    def status(self, key: str = "K1", path: str = "/endpoints/ask/score", **headers: str) -> int:
        """The status of an answer, 0 when no connection comes about."""
        try:
            return httpx.post(self.url(path), headers={"api-key": key} | headers, timeout=30).status_code
        except httpx.TransportError:
            return 0

    def log(self) -> str:
        return (self.home.logs / "gateway.log").read_text()


def endpoint(*instances: Upstream, keys: tuple[str, ...] = ("K1", "K2"), name: str = "ask") -> GatewayEndpoint:
    return GatewayEndpoint(name, keys, (GatewayDeployment("blue", instances, 30.0, 1000),), {"blue": 100})


class Load:
    """Callers that never rest, in a thread of their own; statuses: what they were answered. anew: each request comes by
    a connection of its own."""

    def __init__(self, site: Site, callers: int, *, anew: bool = False) -> None:
        self.statuses: Counter[str] = Counter()
        self._limits = httpx.Limits(max_keepalive_connections=0 if anew else None)
        self._site, self._callers, self._stop = site, callers, False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join(PATIENCE_S)

    async def _run(self) -> None:
        async with httpx.AsyncClient(headers={"api-key": "K1"}, timeout=30, limits=self._limits) as client:
            await asyncio.gather(*(self._call(client) for _ in range(self._callers)))

    async def _call(self, client: httpx.AsyncClient) -> None:
        while not self._stop:
            try:
                answer = await client.post(self._site.url())
                self.statuses[str(answer.status_code)] += 1
            except httpx.TransportError as failure:
                self.statuses[repr(failure)] += 1


class Stream:
    """A stream of so many events, 20 a second, that somebody reads in a thread of their own; got: what has come."""

    def __init__(self, site: Site, events: int) -> None:
        self.got: list[str] = []
        self._url = site.url(f"/endpoints/ask/score?events={events}&gap=0.05")
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Stream:
        self._thread.start()
        eventually_so(lambda: bool(self.got))
        return self

    def __exit__(self, *_: object) -> None:
        self.ended()

    def ended(self) -> int:
        """How many events came until its end."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        return len(self.got)

    def _read(self) -> None:
        try:
            with httpx.stream("POST", self._url, headers={"api-key": "K1"}, timeout=30) as answer:
                self.got += (line for line in answer.iter_lines() if line.startswith("data:"))
        except httpx.TransportError:
            return


def new_site() -> Iterator[Site]:
    """The fixture `site`: nothing of it runs afterwards."""
    with tempfile.TemporaryDirectory(prefix="fs-") as name:
        site = Site(Path(name))
        yield site
        site.gateway.stop(0.0)
        assert site.gateway.observe() is None


def blue_of(site: Site) -> Iterator[EchoInstance]:
    """The fixture `blue`: an instance that is not published yet."""
    with EchoInstance(site.home.run, "blue") as instance:
        yield instance
