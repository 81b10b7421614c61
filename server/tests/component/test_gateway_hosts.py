"""Endpoints by host: `{endpoint}.{domain}` beside `/endpoints/{endpoint}`, with the same rules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from server.tests.component.gateway_world import DOMAIN, World, error_of, new_world


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with new_world() as world:
        yield world


def test_the_instance_sees_the_same_by_host_and_by_path(world: World) -> None:
    by_path = world.ask("/endpoints/alpha/score?a=b", "alpha-1", headers={"host": "localhost"}).json()
    by_host = world.ask("/score?a=b", "alpha-1", headers={"host": f"alpha.{DOMAIN}"}).json()
    for seen in (by_path, by_host):
        for changing in ("host", "x-request-id", "x-envoy-original-path"):
            seen["headers"].pop(changing)
    assert by_path == by_host
    assert (by_host["path"], by_host["query"]) == ("/score", "a=b")


@pytest.mark.parametrize("host", [f"mixed.{DOMAIN}", f"Mixed.{DOMAIN}", f"MIXED.{DOMAIN.upper()}:8080"])
def test_hosts_have_no_case_and_any_port(world: World, host: str) -> None:
    assert world.ask("/score", "K", headers={"host": host}).status_code == 200


def test_no_ready_instance_is_said_by_host_too(world: World) -> None:
    for pin in ("empty", "dead"):
        headers = {"host": f"alpha.{DOMAIN}", "azureml-model-deployment": pin}
        answer = world.ask("/score", "alpha-1", headers=headers)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "No instance" in error_of(answer)["message"]


@pytest.mark.parametrize("host", [f"portal.{DOMAIN}", f"taken.{DOMAIN}:8080", "LOCALHOST", "127.0.0.1:1", "[::1]"])
def test_our_own_hosts_lead_to_the_api_whatever_endpoints_there_are(world: World, host: str) -> None:
    assert world.ask("/score", "K", headers={"host": host}).json()["name"] == "api"
    assert world.ask("/endpoints/taken/score", "K", headers={"host": host}).json()["name"] == "blue"


@pytest.mark.parametrize(
    "host", [DOMAIN, f"alpha.{DOMAIN}0", f"alpha.{DOMAIN}.evil.test", "evil.test", "127.0.0.1.evil.test", "10.0.0.1"]
)
def test_a_foreign_host_is_refused_before_anybody_looks_at_the_request(world: World, host: str) -> None:
    """With a good key too: a page whose host's name leads here has our origin."""
    before = [len(each.requests) for each in world.instances.values()]
    for path in ("/endpoints/alpha/score", "/endpoints/nothing/score", "/score", "/signin", "/health", "/"):
        answer = world.ask(path, "alpha-1", headers={"host": host, "x-forwarded-host": "localhost"})
        assert (answer.status_code, error_of(answer)["code"]) == (421, "UnknownHost"), path
        assert "sandbox" in answer.headers["content-security-policy"]
    assert [len(each.requests) for each in world.instances.values()] == before


def test_without_a_domain_there_are_no_hosts() -> None:
    with new_world(domain="") as world:
        assert world.ask("/score", "alpha-1", headers={"host": f"alpha.{DOMAIN}"}).status_code == 421
        assert world.ask("/endpoints/alpha/score", "alpha-1").status_code == 200
