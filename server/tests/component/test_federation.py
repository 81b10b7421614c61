"""Authorities that are slow: felt by those alone who need their tokens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from flowstead.access.federation import Authorities, ForeignToken
from flowstead.errors import ExchangeFailed, TooManyExchanges
from flowstead.resources.identity import Application


def answering(status: str, body: str, *headers: str) -> bytes:
    return "\r\n".join((status, *headers, f"Content-Length: {len(body)}", "Connection: close", "", body)).encode()


TOKEN = answering("200 OK", '{"access_token": "foreign", "expires_in": 3599}')
HTML = "Content-Type: text/html; charset=utf-8"
PROOF = "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl"


class Authority:
    """Answers when it is let, with these bytes. asked: how often it was called so far; drip: it sends a byte now and
    then, for ever."""

    def __init__(self, answer: bytes = TOKEN, *, drip: bool = False) -> None:
        self._answer = answer
        self.asked = 0
        self._calls: asyncio.Queue[None] = asyncio.Queue()
        self.may_answer = asyncio.Event()
        self._drip = drip

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Application]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield Application(f"http://127.0.0.1:{port}", "tenant", "app")
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        self._calls.put_nowait(None)
        await reader.readuntil(b"\r\n\r\n")
        try:
            if self._drip:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
                while True:
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            await self.may_answer.wait()
            writer.write(b"HTTP/1.1 " + self._answer)
            await writer.drain()
        except OSError:
            return
        finally:
            writer.close()

    async def was_asked(self, times: int) -> None:
        """Returns when it was, once more each time."""
        for _ in range(times):
            await asyncio.wait_for(self._calls.get(), 10)


def test_an_exchange_ends_however_slowly_the_authority_goes_on() -> None:
    async def story() -> None:
        authorities = Authorities(allow_private=True, within_s=0.5)
        async with Authority(drip=True).serving() as application:
            begun = time.monotonic()
            with pytest.raises(ExchangeFailed, match=r"gave no token within 0\.5 seconds"):
                await authorities.exchange("walker", application, "proof", "r")
            assert time.monotonic() - begun < 5

    asyncio.run(story())


async def exchanged(answer: bytes) -> ForeignToken:
    authority = Authority(answer)
    authority.may_answer.set()
    async with authority.serving() as application:
        return await Authorities(allow_private=True).exchange("walker", application, PROOF, "r")


def test_a_lifetime_may_be_written_as_a_text() -> None:
    text = answering("200 OK", '{"access_token": "foreign", "expires_in": "3599"}')
    assert asyncio.run(exchanged(text)) == ForeignToken("foreign", 3599)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (answering("200 OK", "[]", "Content-Type: application/json"), "200 application/json in place of a JSON object"),
        (answering("200 OK", '{"access_token": "x", "expires_in": "soon"}'), "200 an answer without a token"),
        (answering("200 OK", "[" * 60_000), "200 nothing in place of a JSON object"),
        (answering("302 Found", "", "Location: https://other.example"), "302 a redirect, which is not followed"),
        (answering("502 Bad Gateway", "<html>", HTML), "502 text/html in place of a JSON object"),
        (
            answering("400 Bad", f'{{"error_description": "what is {PROOF}, and eyJzdWIiOi?"}}'),
            "400 what is ******, and ",
        ),
    ],
)
def test_an_odd_answer_is_told_with_its_status_and_without_what_was_sent(answer: bytes, says: str) -> None:
    with pytest.raises(ExchangeFailed) as caught:
        asyncio.run(exchanged(answer))
    assert says in caught.value.message
    assert not any(part in str(caught.value) for part in PROOF.split("."))


def test_an_authority_that_nobody_is_at_is_told_as_that() -> None:
    nobody = Application("https://127.0.0.1:1", "tenant", "app")
    with pytest.raises(ExchangeFailed, match=r"ConnectError: \[Errno 111\]"):
        asyncio.run(Authorities(allow_private=True).exchange("walker", nobody, "proof", "r"))


def test_those_who_want_the_same_token_at_the_same_time_share_one_exchange() -> None:
    async def story() -> list[ForeignToken]:
        authority, authorities = Authority(), Authorities(allow_private=True)
        async with authority.serving() as application:
            waiting = [
                asyncio.create_task(authorities.exchange("walker", application, "proof", "r")) for _ in range(20)
            ]
            gone = asyncio.create_task(authorities.exchange("walker", application, "proof", "r"))
            await authority.was_asked(1)
            gone.cancel()
            authority.may_answer.set()
            tokens = await asyncio.gather(*waiting)
            assert authority.asked == 1
            await authorities.exchange("walker", application, "proof", "r")
            assert authority.asked == 2, "nothing is kept"
            return tokens

    assert asyncio.run(story()) == [ForeignToken("foreign", 3599)] * 20


def test_exchanges_that_are_too_many_are_refused_at_once() -> None:
    async def story() -> None:
        authority, authorities = Authority(), Authorities(allow_private=True)
        async with authority.serving() as application:

            def asking(identity: str, resource: int) -> asyncio.Task[ForeignToken]:
                return asyncio.create_task(authorities.exchange(identity, application, "proof", f"r{resource}"))

            under_way = [asking(f"walker-{number // 4}", number) for number in range(8)]
            await authority.was_asked(8)
            with pytest.raises(TooManyExchanges):
                await asking("walker-0", 100)
            under_way += [asking(f"walker-{number // 4}", number) for number in range(8, 16)]
            await authority.was_asked(8)
            with pytest.raises(TooManyExchanges):
                await asking("another", 100)
            authority.may_answer.set()
            await asyncio.gather(*under_way)
            assert (await asking("walker-0", 100)).text == "foreign"

    asyncio.run(story())
