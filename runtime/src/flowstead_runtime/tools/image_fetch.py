"""Fetching images from addresses that callers name.

The address that was checked is the one that is connected to: a name is looked up once for each hop, so that it cannot
mean something else by the time of the connection. No proxy is asked, for it would look the name up itself.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from flowstead_runtime.errors import InputError
from flowstead_runtime.tools.addresses import is_public
from flowstead_runtime.tools.multimedia import Image, RemoteImage, invalid_image, shown

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 20.0
"""For one image, redirects included."""

REDIRECTS = 5
AT_ONCE = 8
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class ImageFetcher:
    """allowed: whether an IP address may be called; limit: bytes for all the images of one request together."""

    limit: int
    allowed: Callable[[str], bool] = is_public
    timeout_s: float = TIMEOUT_S

    async def fetch(self, images: Sequence[RemoteImage]) -> dict[int, Image]:
        """The images by the id() of what stands for them. Raises InputError for the first that cannot be had."""
        import httpx  # costs more to import than all the rest of a start

        run = _Fetching(self, asyncio.Semaphore(AT_ONCE), self.limit)
        async with httpx.AsyncClient(trust_env=False, timeout=self.timeout_s, follow_redirects=False) as client:
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = {id(each): group.create_task(run.image(client, each)) for each in images}
            except ExceptionGroup as failures:
                first = failures.exceptions[0]
                raise first from first.__cause__
        return {key: task.result() for key, task in tasks.items()}


class _Refused(Exception):
    """Why an image cannot be had."""


@dataclass
class _Fetching:
    """left: bytes that the request may still take."""

    fetcher: ImageFetcher
    places: asyncio.Semaphore
    left: int

    async def image(self, client: httpx.AsyncClient, wanted: RemoteImage) -> Image:
        import httpx

        url = wanted.source_url or ""
        try:
            async with self.places, asyncio.timeout(self.fetcher.timeout_s):
                return wanted.with_bytes(await self._follow(client, url))
        except TimeoutError:
            raise _failed(wanted, f"it took longer than {self.fetcher.timeout_s:g} s") from None
        except (_Refused, OSError, ValueError, httpx.HTTPError, httpx.InvalidURL) as problem:
            raise _failed(wanted, str(problem) or type(problem).__name__) from None

    async def _follow(self, client: httpx.AsyncClient, url: str) -> bytes:
        for _ in range(REDIRECTS + 1):
            found = await self._hop(client, url)
            if isinstance(found, bytes):
                return found
            url = urljoin(url, found)
        raise _Refused(f"it leads through more than {REDIRECTS} redirects")

    async def _hop(self, client: httpx.AsyncClient, url: str) -> bytes | str:
        """The body, or where the address redirects to."""
        import httpx

        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise _Refused("only http and https addresses are fetched")
        port = parts.port or _PORTS[parts.scheme]
        problem: Exception | None = None
        for address in await self._lookup(parts.hostname, port):
            request = _request(client, parts, address, port)
            try:
                response = await client.send(request, stream=True)
            except httpx.ConnectError as error:
                problem = error
                continue
            try:
                return await self._read(response)
            finally:
                await response.aclose()
        raise problem or _Refused("its name has no address")

    async def _lookup(self, host: str, port: int) -> list[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError):
            raise _Refused(f"the name {shown(host)} is not known") from None
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if not all(map(self.fetcher.allowed, addresses)):
            raise _Refused("its address is not a public one")
        return addresses

    async def _read(self, response: httpx.Response) -> bytes | str:
        if response.is_redirect:
            return response.headers["location"]
        if response.status_code != 200:
            raise _Refused(f"the answer's status is {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise _Refused("the answer is compressed")
        data = bytearray()
        async for piece in response.aiter_raw():
            self.left -= len(piece)
            if self.left < 0:
                raise _Refused(f"the images of a request may have {self.fetcher.limit} bytes together")
            data += piece
        return bytes(data)


def _request(client: httpx.AsyncClient, parts: SplitResult, address: str, port: int) -> httpx.Request:
    """For the checked address, in the name of the host."""
    import httpx

    target = httpx.URL(scheme=parts.scheme, host=address, port=port, raw_path=_path(parts))
    host = parts.hostname or ""
    name = f"[{host}]" if ":" in host else host
    if port != _PORTS[parts.scheme]:
        name = f"{name}:{port}"
    headers = {"host": name, "accept": "image/*", "accept-encoding": "identity"}
    return client.build_request("GET", target, headers=headers, extensions={"sni_hostname": host})


def _path(parts: SplitResult) -> bytes:
    import httpx

    return httpx.URL(parts._replace(scheme="http", netloc="host", fragment="").geturl()).raw_path


def _failed(wanted: RemoteImage, why: str) -> InputError:
    problem = invalid_image(
        f"Failed to fetch image from URL: {shown(wanted.source_url or '')}: {why}.", wanted.source_url or ""
    )
    return InputError(f"Failed to load image for input '{wanted.input}': {problem.message}")
