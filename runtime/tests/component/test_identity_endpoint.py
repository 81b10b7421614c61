"""The managed identity's endpoint of an instance, over its socket and as azure-identity would ask."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from flowstead_runtime.connections.entra import managed_identity_token
from flowstead_runtime.errors import SignInFailed
from flowstead_runtime.identity.agent import IdentityAgent, TokenRefused, fetch_from
from flowstead_runtime.identity.endpoint import IdentityEndpoint


class Server:
    """What the agent asks."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.fails: TokenRefused | None = None

    def fetch(self, resource: str, client_id: str) -> Mapping[str, Any]:
        self.asked.append((resource, client_id))
        if self.fails is not None:
            raise self.fails
        times = {"refresh_on": 4e9, "expires_on": 5e9}
        return {"access_token": f"token-of-{resource}", "client_id": client_id or "me", **times}


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def told(server: Server) -> Iterator[dict[str, str]]:
    """The variables by which the flow's code finds it."""
    endpoint = IdentityEndpoint(IdentityAgent(server.fetch))
    endpoint.start()
    environ: dict[str, str] = {}
    endpoint.tell(environ)
    yield environ
    endpoint.close()


def ask(told: Mapping[str, str], query: Mapping[str, str], secret: str | None = None) -> httpx.Response:
    headers = {"X-IDENTITY-HEADER": told["IDENTITY_HEADER"] if secret is None else secret}
    return httpx.get(told["IDENTITY_ENDPOINT"], params=dict(query), headers=headers, timeout=10)


def test_it_answers_in_app_services_form(told: Mapping[str, str], server: Server) -> None:
    answer = ask(told, {"api-version": "2019-08-01", "resource": "r"})
    assert answer.status_code == 200
    assert answer.json() == {
        "access_token": "token-of-r",
        "expires_on": "5000000000",
        "resource": "r",
        "token_type": "Bearer",
        "client_id": "me",
    }
    assert ask(told, {"resource": "r", "client_id": "other"}).json()["client_id"] == "other"
    assert server.asked == [("r", ""), ("r", "other")]


@pytest.mark.parametrize(
    ("query", "secret", "status"),
    [({"resource": "r"}, "guess", 401), ({"resource": "r"}, "", 401), ({}, None, 400), ({"resource": ""}, None, 400)],
)
def test_it_refuses(
    told: Mapping[str, str], server: Server, query: Mapping[str, str], secret: str | None, status: int
) -> None:
    assert ask(told, query, secret).status_code == status
    assert server.asked == []


def test_the_servers_refusal_reaches_the_flow(told: Mapping[str, str], server: Server) -> None:
    server.fails = TokenRefused(404, "The endpoint chat has no identity.")
    answer = ask(told, {"resource": "r"})
    assert (answer.status_code, answer.json()["message"]) == (404, "The endpoint chat has no identity.")


def test_several_may_ask_at_once(told: Mapping[str, str]) -> None:
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(ask(told, {"resource": "r"}).status_code)) for _ in range(20)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert statuses == [200] * 20


def test_connections_sign_in_by_it_without_a_package(
    told: Mapping[str, str], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert managed_identity_token("https://c.example/.default") == ("token-of-https://c.example", 5e9)
    server.fails = TokenRefused(502, "login.example gave no token.")
    with pytest.raises(SignInFailed, match=r"login\.example gave no token"):
        managed_identity_token("https://d.example/.default")


def test_a_server_that_is_away_is_told_so() -> None:
    with pytest.raises(TokenRefused, match="does not answer") as refused:
        fetch_from("http://127.0.0.1:9/identity/token", "key")("r", "")
    assert refused.value.status == 503
