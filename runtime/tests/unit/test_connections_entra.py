"""Tokens: kept, fetched anew in time, and fetched once however many ask."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from flowstead_runtime.connections.entra import AGAIN_S, REFRESH_S, AccessToken, AsyncTokens, EntraTokens
from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.errors import SignInFailed

LIFE_S = 3600.0


class Authority:
    """Signs in as long as it is not told to fail; tokens are numbered."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.calls = 0
        self.fails = False

    def fetch(self) -> AccessToken:
        self.calls += 1
        if self.fails:
            raise ConnectionError("nobody\n  there")
        return AccessToken(f"numbered-token-{self.calls}", self.now + LIFE_S)

    def tokens(self) -> EntraTokens:
        return EntraTokens(self.fetch, lambda: self.now)


def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    authority = Authority()
    tokens = authority.tokens()
    assert [tokens.get_token() for _ in range(3)] == ["numbered-token-1"] * 3
    authority.now += LIFE_S - REFRESH_S + 1
    assert tokens.get_token() == "numbered-token-2"
    assert authority.calls == 2


def test_the_token_in_use_is_hidden_and_the_one_before_forgotten() -> None:
    authority = Authority()
    tokens = authority.tokens()
    tokens.get_token()
    assert SECRETS.hide("Bearer numbered-token-1") == "Bearer ******"
    authority.now += LIFE_S
    tokens.get_token()
    assert SECRETS.hide("numbered-token-1 numbered-token-2") == "numbered-token-1 ******"


def test_a_token_that_cannot_be_renewed_serves_to_its_end() -> None:
    authority = Authority()
    tokens = authority.tokens()
    tokens.get_token()
    authority.fails = True
    authority.now += LIFE_S - REFRESH_S + 1
    assert [tokens.get_token() for _ in range(3)] == ["numbered-token-1"] * 3
    assert authority.calls == 2
    authority.now += AGAIN_S
    assert (tokens.get_token(), authority.calls) == ("numbered-token-1", 3)
    authority.now += REFRESH_S
    with pytest.raises(SignInFailed, match="Signing in with Entra ID failed: ConnectionError: nobody there "):
        tokens.get_token()
    authority.fails = False
    assert tokens.get_token() == "numbered-token-5"


@pytest.mark.parametrize("fails", [False, True])
def test_those_who_ask_at_the_same_time_share_one_sign_in(fails: bool) -> None:
    authority, entered, go = Authority(), threading.Event(), threading.Event()
    authority.fails = fails

    def slow() -> AccessToken:
        entered.set()
        assert go.wait(30)
        return authority.fetch()

    tokens = EntraTokens(slow, lambda: authority.now)
    results: list[str] = []
    askers = [threading.Thread(target=lambda: results.append(outcome(tokens.get_token))) for _ in range(5)]
    askers[0].start()
    assert entered.wait(30)
    for asker in askers[1:]:
        asker.start()
    go.set()
    for asker in askers:
        asker.join(30)
    assert len(results) == 5
    assert set(results) == {"failed" if fails else "numbered-token-1"}
    # After a failure, one that asks when it is over tries again.
    assert 1 <= authority.calls <= (5 if fails else 1)


def test_the_event_loop_goes_on_while_a_token_is_fetched() -> None:
    authority, go = Authority(), threading.Event()

    def slow() -> AccessToken:
        assert go.wait(30)
        return authority.fetch()

    async def ask() -> list[str]:
        tokens = AsyncTokens(EntraTokens(slow, lambda: authority.now))
        asked = [asyncio.ensure_future(tokens.get_token()) for _ in range(20)]
        await asyncio.sleep(0)
        gone = asked.pop()
        gone.cancel()
        go.set()  # which a loop that is held up would never come to
        return [*await asyncio.gather(*asked), await tokens.get_token()]

    assert set(asyncio.run(ask())) == {"numbered-token-1"}
    assert authority.calls == 1


def test_a_failure_reaches_each_who_waits_on_the_loop() -> None:
    authority = Authority()
    authority.fails = True

    async def ask() -> list[BaseException | str]:
        tokens = AsyncTokens(authority.tokens())
        return await asyncio.gather(*(tokens.get_token() for _ in range(3)), return_exceptions=True)

    assert [type(each) for each in asyncio.run(ask())] == [SignInFailed] * 3


def outcome(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except SignInFailed:
        return "failed"
