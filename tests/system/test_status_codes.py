"""Every status of the scoring URL, provoked against the whole product with a real instance; one table."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.installation import Installation, eventually, write_flow

FLOW = """\
import asyncio
import os

from promptflow.core import tool


@tool
async def say(text: str) -> str:
    if text == "sleep":
        await asyncio.sleep(30)
    if text == "nap":
        await asyncio.sleep(0.9)
    if text == "raise":
        raise ValueError("the flow will not have it")
    if text == "die":
        os._exit(3)
    return f"you said {text}"
"""
TIMEOUT_S = 1
"""The deployment's request time-out; it takes one request at a time, ten more wait for half a second."""
LIMIT = 16 * 1024 * 1024
ONE_MEBIBYTE = b" " * 1024 * 1024
BOMB = gzip.compress(bytes(LIMIT + 1), 1)
GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
IDS = {"x-request-id": GUID, "x-ms-client-request-id": "order-7"}


class Site:
    """An endpoint with a deployment that takes one request at a time, one that never became ready, and one endpoint
    without any traffic."""

    def __init__(self, flowstead: Installation, folder: Path) -> None:
        flow = str(write_flow(folder / "flow", FLOW))
        broken = str(write_flow(folder / "broken", "raise RuntimeError('never ready')\n"))
        flowstead.run("deploy", flow, "--endpoint", "codes", "--deployment", "blue")
        flowstead.run("deploy", broken, "--endpoint", "never-ready", check=False)
        flowstead.run("online-endpoint", "create", "--name", "no-traffic")
        settings = {
            "requestTimeout": f"PT{TIMEOUT_S}S",
            "maxConcurrentRequestsPerInstance": 1,
            "maxQueueWait": "PT0.5S",
        }
        path = "/onlineEndpoints/codes/deployments/blue"
        flowstead.api("PATCH", path, {"properties": {"requestSettings": settings}}).raise_for_status()

        def settled() -> bool:
            return bool(flowstead.api("GET", path).json()["properties"]["provisioningState"] == "Succeeded")

        eventually("the settings are in force", settled)
        self.url = flowstead.url
        self.keys = {name: flowstead.keys(name)["primaryKey"] for name in ("codes", "never-ready", "no-traffic")}
        self.client = httpx.Client(timeout=60)

    def ask(
        self,
        text: str = "hello",
        endpoint: str = "codes",
        *,
        key: str | None = None,
        content: bytes | Iterator[bytes] | None = None,
        **headers: str,
    ) -> httpx.Response:
        """key: None for the right one."""
        credential = self.keys.get(endpoint, "") if key is None else key
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"authorization": f"Bearer {credential}".strip(), "content-type": "application/json"} | IDS | named
        body = json.dumps({"text": text}).encode() if content is None else content
        return self.client.post(f"{self.url}/endpoints/{endpoint}/score", content=body, headers=given)

    def crowd(self, callers: int, text: str) -> list[httpx.Response]:
        """What callers who all come at once are answered."""
        with ThreadPoolExecutor(callers) as pool:
            return list(pool.map(lambda _: self.ask(text), range(callers)))


@pytest.fixture(scope="module")
def whole_site(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(flowstead, tmp_path_factory.mktemp("codes"))
    yield site
    site.client.close()


@pytest.fixture
def site(whole_site: Site) -> Site:
    """The site, whose deployment answers: a test before may have ended its instance."""
    eventually("the deployment answers", lambda: whole_site.ask().status_code == 200)
    return whole_site


def mebibytes(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield ONE_MEBIBYTE


def refused_of(answers: list[httpx.Response], said: str) -> httpx.Response:
    """The first 429 that says so, out of a crowd's answers."""
    return next(answer for answer in answers if answer.status_code == 429 and said in answer.text)


@dataclass(frozen=True)
class Row:
    """status, code: of the answer; said: part of its message. headers: that it has besides the usual ones, or None for
    has not."""

    status: int
    code: str
    said: str
    ask: Callable[[Site], httpx.Response]
    headers: Mapping[str, str | None] = field(default_factory=dict)


BLUE = {"azureml-model-deployment": "blue"}
BEARER = {"www-authenticate": "Bearer", "azureml-model-deployment": None}
RETRY = {"retry-after": "1"}
MODEL_ERROR = {"ms-azureml-model-error-statuscode": "400", "ms-azureml-model-error-reason": "model_error"}
ROWS: dict[str, Row] = {
    "no credential": Row(401, "Unauthorized", "credential", lambda s: s.ask(key=""), BEARER),
    "wrong key": Row(401, "Unauthorized", "credential", lambda s: s.ask(key="nonsense"), BEARER),
    "another endpoint's key": Row(
        401, "Unauthorized", "credential", lambda s: s.ask(key=s.keys["no-traffic"]), BEARER
    ),
    "unknown endpoint": Row(404, "ResourceNotFound", "no such endpoint", lambda s: s.ask(endpoint="nothing-here")),
    "no traffic": Row(404, "ResourceNotFound", "positive share", lambda s: s.ask(endpoint="no-traffic")),
    "unknown pin": Row(
        404, "ResourceNotFound", "no deployment red", lambda s: s.ask(azureml_model_deployment="red")
    ),
    "too slow": Row(408, "RequestTimeout", "time", lambda s: s.ask("sleep"), BLUE),
    "too large": Row(413, "PayloadTooLarge", "limit", lambda s: s.ask(content=b" " * (LIMIT + 1))),
    "too large in chunks": Row(413, "PayloadTooLarge", "limit", lambda s: s.ask(content=mebibytes(17))),
    "too large when it is unpacked": Row(
        413, "PayloadTooLarge", "limit", lambda s: s.ask(content=BOMB, content_encoding="gzip"), BLUE
    ),
    "the flow fails": Row(
        424, "UserError", "will not have it", lambda s: s.ask("raise"), BLUE | MODEL_ERROR
    ),
    "waited too long": Row(
        429, "TooManyRequests", "became free", lambda s: refused_of(s.crowd(4, "nap"), "No place"), BLUE | RETRY
    ),
    "more than may wait": Row(
        429, "TooManyRequests", "as many", lambda s: refused_of(s.crowd(16, "nap"), "as many"), BLUE | RETRY
    ),
    "the instance ends": Row(500, "InternalServerError", "may have run", lambda s: s.ask("die"), BLUE),
    "no instance is ready": Row(
        503, "ServiceUnavailable", "ready", lambda s: s.ask(endpoint="never-ready"), BLUE | RETRY
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_each_status_has_its_error_its_ids_and_its_headers(site: Site, name: str) -> None:
    row = ROWS[name]
    answer = row.ask(site)
    assert answer.status_code == row.status, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    error = answer.json()["error"]
    assert error["code"] == row.code, error
    assert row.said in error["message"]
    usual: dict[str, str | None] = {
        "retry-after": None,
        "www-authenticate": None,
        "ms-azureml-model-error-statuscode": None,
    }
    for header, expected in {**usual, **row.headers}.items():
        assert answer.headers.get(header) == expected, (header, dict(answer.headers))


def test_an_answer_of_the_flow_s_own_has_the_ids_too(site: Site) -> None:
    answer = site.ask()
    assert (answer.status_code, answer.json()) == (200, {"said": "you said hello"})
    for header, expected in (IDS | BLUE | {"retry-after": None, "set-cookie": None}).items():
        assert answer.headers.get(header) == expected


@pytest.mark.parametrize("given", ["", "not-a-guid", GUID + "0"])
def test_a_request_id_that_is_no_guid_is_replaced(site: Site, given: str) -> None:
    for key in (None, "wrong"):
        made = site.ask(key=key, x_request_id=given).headers["x-request-id"]
        assert str(uuid.UUID(made)) == made != GUID


def test_a_body_at_the_limit_is_taken(site: Site) -> None:
    body = b'{"text": "x"}'
    answer = site.ask(content=body + b" " * (LIMIT - len(body)))
    assert answer.status_code == 200, answer.text
