"""A browser that signs in, with what browsers say of where a request comes from."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx

from flowstead.resources.principal import Principal
from flowstead.store.records import AuditRecord
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.in_process_api import OWNER, InProcessApi

OURS = "http://127.0.0.1:8080"

HOUR = 3600.0


class Browser:
    """Keeps the cookie that it was given, and says what browsers say of where a request comes from."""

    def __init__(self, api: InProcessApi, *, address: str = "10.1.1.1", origin: str = OURS, **headers: str) -> None:
        self.api, self.origin = api, origin
        self.headers = {"X-Forwarded-For": address, "User-Agent": "Browser/1", **headers}
        self.cookie, self.csrf_token, self.given = "", "", ""

    def sign_in(self, **body: str) -> httpx.Response:
        answer = self.call("POST", "/signin", body)
        if answer.is_success:
            self.given = answer.headers["set-cookie"]
            [(name, morsel)] = SimpleCookie(self.given).items()
            self.cookie, self.csrf_token = f"{name}={morsel.value}", answer.json()["csrfToken"]
        return answer

    def call(
        self, method: str, path: str, json: Any = None, *, token: str | None = None, **more: Any
    ) -> httpx.Response:
        """As a page of ours sends it, unless `headers` say otherwise; None takes one away."""
        headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": self.csrf_token, "Cookie": self.cookie}
        if method != "GET":
            headers["Origin"] = self.origin
        changed = {**self.headers, **headers, **more.pop("headers", {})}
        sent = {name: value for name, value in changed.items() if value is not None}
        return self.api.call(method, path, json, token=token, headers=sent, **more)


def new_code(api: InProcessApi, token: str = OWNER) -> str:
    link = api.call("POST", "/signin/links", token=token)
    assert link.status_code == 201, link.text
    url, _, code = link.json()["url"].partition("#code=")
    assert url == f"{OURS}/signin"
    return str(code)


def signed_in(api: InProcessApi, **options: str) -> Browser:
    browser = Browser(api, **options)
    assert browser.sign_in(code=new_code(api)).status_code == 200
    return browser


def owner(api: InProcessApi) -> Principal:
    found = api.store.principals.owner()
    assert found is not None
    return found


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def audited(api: InProcessApi) -> list[AuditRecord]:
    with api.store.reading() as tx:
        return [each for each in tx.audit() if each.action in ("signIn", "signOut", "makeSignInLink")]


def frozen_clock() -> FrozenClock:
    """The fixture `clock`."""
    return FrozenClock()


def api_with(tmp_path: Path, clock: FrozenClock) -> Iterator[InProcessApi]:
    """The fixture `api`."""
    with InProcessApi(tmp_path, clock=clock) as api:
        yield api
