"""`up --domain`: endpoints by host and by path alike, over both doors."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpx
import pytest

from tests.installation import ECHO, Installation, eventually, write_flow

HOST = "by-host.flows.test"


@pytest.fixture(scope="module")
def flowstead_with_domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("domain")
    flowstead = Installation(folder / "h")
    flowstead.up("--domain", "Flows.test")
    flowstead.run("deploy", str(write_flow(folder / "flow", ECHO)), "--endpoint", "by-host")
    yield flowstead
    flowstead.down()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_host_and_path_lead_to_the_same_endpoint(flowstead_with_domain: Installation, scheme: str) -> None:
    site = flowstead_with_domain
    door = site.tls_url if scheme == "https" else site.url
    trust = ssl.create_default_context(cafile=str(site.home / "tls" / "ca.pem"))
    key = site.keys("by-host")["primaryKey"]
    with httpx.Client(base_url=door, verify=trust) as client:

        def ask(path: str, host: str, credential: str = key) -> httpx.Response:
            headers = {"authorization": f"Bearer {credential}"} | ({"host": host} if host else {})
            # The certificate is checked for the host that is asked for, though no name service knows it.
            extensions = {"sni_hostname": host} if host else {}
            return client.post(path, json={"text": "x"}, headers=headers, extensions=extensions)

        for path, host in (("/score", HOST), ("/endpoints/by-host/score", "")):
            answer = ask(path, host)
            assert (answer.status_code, answer.json()) == (200, {"said": "you said x"})
            assert ask(path, host, "wrong").status_code == 401
        assert ask("/score", "nobody.flows.test").status_code == 404
        assert ask("/subscriptions", HOST).status_code == 404, "no way to the API"


def test_urls_that_are_handed_out_have_the_host(flowstead_with_domain: Installation) -> None:
    site = flowstead_with_domain
    shown = site.json("online-endpoint", "show", "--name", "by-host")
    assert shown["scoring_uri"] == f"http://{HOST}:{site.port}/score"
    assert shown["openapi_uri"] == f"http://{HOST}:{site.port}/swagger.json"


def test_the_domain_is_kept_and_can_be_given_up(flowstead_with_domain: Installation) -> None:
    site = flowstead_with_domain
    key = site.keys("by-host")["primaryKey"]

    def status() -> int:
        headers = {"host": HOST, "authorization": f"Bearer {key}"}
        return httpx.post(f"{site.url}/score", json={"text": "x"}, headers=headers, timeout=30).status_code

    site.down()
    site.up()
    eventually("the endpoint answers by its host", lambda: status() == 200)
    site.down()
    site.up("--domain", "")
    eventually("it answers by its path", lambda: site.score("by-host", {"text": "x"}, key).status_code == 200)
    assert status() == 421, "a host that is not ours"
