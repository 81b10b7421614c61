"""Tokens of an endpoint's identity: kept, refreshed, and used on while the server is away."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.identity.agent import (
    AGAIN_S,
    IDENTITY_KEY,
    IDENTITY_URL,
    IdentityAgent,
    TokenRefused,
    agent_from,
)

HOUR = 3600.0


class Server:
    """As the agent asks it. fails: how it does now."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.asked: list[tuple[str, str]] = []
        self.fails: TokenRefused | None = None

    def fetch(self, resource: str, client_id: str) -> dict[str, Any]:
        self.asked.append((resource, client_id))
        if self.fails is not None:
            raise self.fails
        number = len(self.asked)
        return {
            "access_token": f"token-{number}-of-{resource}",
            "client_id": "me",
            "refresh_on": self.now + HOUR,
            "expires_on": self.now + 2 * HOUR,
        }

    def agent(self, folder: Path | None = None) -> IdentityAgent:
        return IdentityAgent(self.fetch, folder=folder, now=lambda: self.now)


@pytest.fixture
def server() -> Server:
    return Server()


def test_a_token_is_kept_until_it_is_half_used_up(server: Server) -> None:
    agent = server.agent()
    first = agent.token("https://a.example/.default")
    assert agent.token("https://a.example/") == first
    assert server.asked == [("https://a.example", "")]
    server.now += HOUR + 1
    assert agent.token("https://a.example").token != first.token
    assert agent.token("https://b.example").resource == "https://b.example"
    assert SECRETS.hide(f"it is {agent.token('https://b.example').token}") == "it is ******"


def test_while_the_server_is_away_a_token_is_used_to_its_end(server: Server) -> None:
    agent = server.agent()
    first = agent.token("r")
    server.fails = TokenRefused(503, "away")
    server.now += HOUR + 1
    assert agent.token("r").token == first.token
    assert agent.token("r").token == first.token
    assert len(server.asked) == 2, "it is not asked again at once"
    server.now += AGAIN_S + 1
    agent.token("r")
    assert len(server.asked) == 3
    server.now += HOUR
    with pytest.raises(TokenRefused, match="away"):
        agent.token("r")
    server.fails = None
    assert agent.token("r").token != first.token


def test_a_token_that_takes_long_holds_up_nobody_else(server: Server) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def fetch(resource: str, client_id: str) -> dict[str, Any]:
        if resource == "slow":
            begun.set()
            assert go_on.wait(30)
        return server.fetch(resource, client_id)

    agent = IdentityAgent(fetch, now=lambda: server.now)
    go_on.set()
    agent.token("kept")
    before = agent.token("slow")
    go_on.clear()
    begun.clear()
    server.now += HOUR + 1
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(agent.token, "slow")
        assert begun.wait(30)
        quick = [pool.submit(agent.token, each) for each in ("kept", "another", "slow")]
        try:
            answers = [each.result(timeout=30) for each in quick]
        finally:
            go_on.set()
        assert [each.resource for each in answers] == ["kept", "another", "slow"]
        assert answers[2] == before, "the one that still holds"
        assert waiting.result(timeout=30).token != before.token


def test_those_who_want_the_same_first_token_share_it(server: Server) -> None:
    agent = server.agent()
    with ThreadPoolExecutor() as pool:
        tokens = set(pool.map(agent.token, ["r"] * 20))
    assert (len(tokens), len(server.asked)) == (1, 1)


def test_a_refusal_is_not_made_up_for(server: Server) -> None:
    agent = server.agent()
    agent.token("r")
    server.now += HOUR + 1
    server.fails = TokenRefused(404, "gone")
    with pytest.raises(TokenRefused, match="gone"):
        agent.token("r")


def test_a_process_that_is_started_again_goes_on_with_its_tokens(server: Server, tmp_path: Path) -> None:
    first = server.agent(tmp_path).token("r")
    server.fails = TokenRefused(503, "away")
    assert server.agent(tmp_path).token("r") == first
    [file] = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    file.write_text("[[")
    with pytest.raises(TokenRefused):
        server.agent(tmp_path).token("r")


@pytest.mark.parametrize("said", [{}, {"access_token": "t"}, {"access_token": "t", "expires_on": "soon"}])
def test_an_answer_without_a_token_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused, match="no token"):
        IdentityAgent(lambda *_: said).token("r")


def test_only_so_many_tokens_are_kept(server: Server, tmp_path: Path) -> None:
    agent = server.agent(tmp_path)
    for number in range(100):
        agent.token(f"r{number}")
    assert len(json.loads(next(tmp_path.iterdir()).read_text())) <= 64


def test_only_a_hosted_instance_has_an_agent() -> None:
    environ = {"HOME": "/nowhere", IDENTITY_URL: "http://127.0.0.1:1/identity/token", IDENTITY_KEY: "uid.proof-hunter2"}
    assert agent_from(environ) is not None
    assert environ == {"HOME": "/nowhere"}
    assert SECRETS.hide("uid.proof-hunter2") == "******"
    assert agent_from({}) is None
