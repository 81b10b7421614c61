"""Signing in with a browser by the real doors: the link on the terminal, the session, and what it does not open."""

from __future__ import annotations

import os
import pty
import re
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.installation import ECHO, FLOWSTEAD, ROOT, WORKSPACE, Installation, write_flow

LINK = re.compile(r"(https?://\S+)/signin#code=([\w-]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("browser")
    site = Installation(folder / "h")
    site.up()
    site.run("deploy", str(write_flow(folder / "flow", ECHO)), "--endpoint", "asked")
    yield site
    site.down()


def on_a_terminal(site: Installation, *words: str) -> str:
    """What a command prints to somebody who sees it."""
    ours, its = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        command = [FLOWSTEAD, *words]
        process = subprocess.Popen(
            command, env=site.environment({}), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=its, stderr=its
        )
        os.close(its)
        seen = b""
        while True:
            try:
                part = screen.read(4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            seen += part
        assert process.wait(60) == 0, seen.decode()
    return seen.decode()


def test_up_prints_a_link_on_a_terminal_and_nowhere_else(tmp_path: Path) -> None:
    site = Installation(tmp_path / "h")
    ports = ("--port", str(site.port), "--tls-port", str(site.tls_port))
    try:
        found = LINK.search(on_a_terminal(site, "up", "--detach", *ports))
        assert found is not None
        assert found[1] == site.url
        signed_in = httpx.post(f"{site.url}/signin", json={"code": found[2]})
        assert signed_in.json()["principal"]["name"] == "owner"
        for log in (site.home / "logs").iterdir():
            assert found[2] not in log.read_text(errors="replace"), log
        site.down()
        piped = site.run("up", "--detach", *ports).stdout
        assert "flowstead signin-link" in piped
        assert LINK.search(piped) is None, "a log would keep it"
    finally:
        site.down()


def new_code(site: Installation) -> str:
    found = LINK.fullmatch(site.run("signin-link").stdout.strip())
    assert found is not None
    return found[2]


@pytest.mark.parametrize("door", ["http", "https"])
def test_a_session_opens_the_api_and_no_endpoint(site: Installation, door: str) -> None:
    url = site.tls_url if door == "https" else site.url
    trust = ssl.create_default_context(cafile=str(site.home / "tls" / "ca.pem"))
    with httpx.Client(base_url=url, verify=trust, timeout=30, headers={"Origin": url}) as browser:
        signed_in = browser.post("/signin", json={"code": new_code(site)})
        assert signed_in.status_code == 200, signed_in.text
        [cookie] = browser.cookies.jar
        assert (cookie.name.startswith("__Host-"), bool(cookie.secure)) == (
            (True, True) if door == "https" else (False, False)
        )
        proof = {"X-CSRF-Token": signed_in.json()["csrfToken"]}
        keys = f"{WORKSPACE}/onlineEndpoints/asked/listKeys"
        assert browser.post(keys).status_code == browser.get("/session").status_code == 403
        assert browser.post(keys, headers=proof | {"Origin": "http://127.0.0.1:3000"}).status_code == 403
        key = browser.post(keys, headers=proof).json()["primaryKey"]

        for path in ("score", "swagger.json", "", "session", "signin"):
            refused = browser.post(f"/endpoints/asked/{path}", json={"text": "x"}, headers=proof)
            assert refused.status_code == 401, path
        answer = browser.post(
            "/endpoints/asked/score", json={"text": "<script>"}, headers=proof | {"Authorization": f"Bearer {key}"}
        )
        assert (answer.status_code, answer.json()) == (200, {"said": "you said <script>"})
        assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert "set-cookie" not in answer.headers

        for path in ("/signin", "/session", "/endpoints/asked/score", "/health"):
            assert browser.get(path, headers={"Host": "evil.test"}).status_code == 421
        assert browser.post("/signout", headers=proof).status_code == 204
        assert browser.get("/session").status_code == 401


def test_a_caller_may_not_pass_for_another_when_attempts_are_counted(site: Installation) -> None:
    """X-Forwarded-For of a caller is not believed, so guessing from one place stays guessing from one place. Other
    tests come from there too, and wait until this is forgotten."""
    with httpx.Client(base_url=site.url, timeout=30) as guesser:
        answers = [
            guesser.post("/signin", json={"code": f"g{number}"}, headers={"X-Forwarded-For": f"10.0.0.{number}"})
            for number in range(31)
        ]
    assert [each.status_code for each in answers] == [401] * 30 + [429]
