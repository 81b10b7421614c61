"""Images by address: fetched over real sockets, and not from where they must not be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from flowstead_runtime.errors import InputError
from flowstead_runtime.tools.addresses import is_public
from flowstead_runtime.tools.image_fetch import ImageFetcher
from flowstead_runtime.tools.multimedia import RemoteImage

PNG = b"\x89PNG" + b"x" * 996


class _Pictures(BaseHTTPRequestHandler):
    """/png, /redirect/N (N times), /to/ADDRESS, /compressed, /endless, /silent, and 404."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers["host"]))  # type: ignore[attr-defined]
        kind, _, rest = self.path.partition("?")[0].lstrip("/").partition("/")
        if kind == "redirect":
            self._send(302, b"", location="/png" if rest == "1" else f"/redirect/{int(rest) - 1}")
        elif kind == "to":
            self._send(307, b"", location=rest)
        elif kind == "compressed":
            self._send(200, PNG, content_encoding="gzip")
        elif kind == "endless":
            self._endless()
        elif kind == "silent":
            self.server.ended.wait(60)  # type: ignore[attr-defined]
        else:
            self._send(200 if kind == "png" else 404, PNG)

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("connection", "close")
        self.end_headers()
        try:
            while True:
                self.wfile.write(PNG)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


class Pictures(ThreadingHTTPServer):
    """seen: paths and Host headers of the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Pictures)
        self.seen: list[tuple[str, str]] = []
        self.ended = threading.Event()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_port}{path}"


@pytest.fixture
def pictures() -> Iterator[Pictures]:
    with Pictures() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.ended.set()
        server.shutdown()


def fetch(
    *urls: str, allowed: Callable[[str], bool] = lambda _: True, limit: int = 10_000, timeout_s: float = 60
) -> list[bytes]:
    images = [RemoteImage(b"", "image/*", source_url=url) for url in urls]
    for image in images:
        image.input = "photo"
    found = asyncio.run(ImageFetcher(limit, allowed, timeout_s).fetch(images))
    return [bytes(found[id(image)]) for image in images]


def test_images_are_fetched_redirects_followed(pictures: Pictures) -> None:
    urls = [pictures.url("/png?a=b%20c#d"), pictures.url("/redirect/5"), pictures.url("/png", host="localhost")]
    assert fetch(*urls) == [PNG] * 3
    assert ("/png?a=b%20c", f"127.0.0.1:{pictures.server_port}") in pictures.seen
    assert ("/png", f"localhost:{pictures.server_port}") in pictures.seen


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/gone", "status is 404"),
        ("/redirect/6", "more than 5 redirects"),
        ("/to/ftp://127.0.0.1/x", "only http and https"),
        ("/to/file:///etc/passwd", "only http and https"),
        ("/to/http://[::1", "Invalid"),
        ("/to/http://no-such-host.invalid/", "is not known"),
        ("/compressed", "compressed"),
        ("/endless", "10000 bytes"),
    ],
)
def test_what_cannot_be_had_says_why_and_names_the_input(pictures: Pictures, path: str, why: str) -> None:
    with pytest.raises(InputError, match=f"Failed to load image for input 'photo': .*{why}"):
        fetch(pictures.url(path))


def test_a_server_that_says_nothing_is_given_up(pictures: Pictures) -> None:
    with pytest.raises(InputError, match=r"longer than 0\.1 s"):
        fetch(pictures.url("/silent"), timeout_s=0.1)


def test_many_images_share_one_limit(pictures: Pictures) -> None:
    with pytest.raises(InputError, match="together"):
        fetch(*[pictures.url("/png")] * 11)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]"])
def test_this_machine_is_not_called(pictures: Pictures, host: str) -> None:
    with pytest.raises(InputError, match="not a public one|not known"):
        fetch(pictures.url("/png", host=host), allowed=is_public)
    assert pictures.seen == []


def test_a_redirect_to_where_it_must_not_go_is_not_followed(pictures: Pictures) -> None:
    def only_the_first(address: str) -> bool:
        return not pictures.seen or is_public(address)

    with pytest.raises(InputError, match="not a public one"):
        fetch(pictures.url(f"/to/{pictures.url('/png')}"), allowed=only_the_first)
    assert [path.startswith("/to/") for path, _ in pictures.seen] == [True]


def test_a_name_is_looked_up_once_a_hop(pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    lookups: list[str] = []

    async def getaddrinfo(self: asyncio.AbstractEventLoop, host: str, port: int, **_: object) -> object:
        lookups.append(host)
        # A name server that rebinds: public at the first question, this machine at the next.
        address = "127.0.0.1" if len(lookups) == 1 else "169.254.169.254"
        return [(2, 1, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    assert fetch(pictures.url("/png", host="rebinds.example")) == [PNG]
    assert lookups.count("rebinds.example") == 1
    assert pictures.seen == [("/png", f"rebinds.example:{pictures.server_port}")]
