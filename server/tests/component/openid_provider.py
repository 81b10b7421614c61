"""An OpenID Connect provider that is a process of its own, and one that misbehaves."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx

AUDIENCE = "flowstead-clients"
_UP_WITHIN_S = 30.0


class Provider:
    """The program of oidc-provider-mock. Each start of it has a new key."""

    def __init__(self, port: int = 0) -> None:
        self.port = port or _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, *, token_lifetime_s: int = 3600) -> None:
        """Returns when it answers."""
        # Its library warns of its own library.
        command = (sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(self.port))
        self._process = subprocess.Popen(
            [*command, "--token-max-age", str(token_lifetime_s)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        give_up_at = time.monotonic() + _UP_WITHIN_S
        while time.monotonic() < give_up_at:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/.well-known/openid-configuration").is_success:
                    return
            time.sleep(0.05)
        raise AssertionError("the provider does not answer")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def token(self, subject: str = "ada", client: str = AUDIENCE, **claims: Any) -> str:
        """The ID token of somebody who signs in there, by the authorization code flow."""
        user = {"preferred_username": f"{subject}@example.org", **claims}
        redirect = "http://127.0.0.1:1/back"
        with httpx.Client(base_url=self.url) as browser:
            browser.put(f"/users/{subject}", json=user).raise_for_status()
            query = {
                "client_id": client,
                "redirect_uri": redirect,
                "response_type": "code",
                "scope": "openid profile email",
            }
            answer = browser.post("/oauth2/authorize", params=query, data={"sub": subject})
            code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
            form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect}
            granted = browser.post("/oauth2/token", data=form, auth=(client, "secret"))
        return str(granted.raise_for_status().json()["id_token"])


@contextmanager
def misbehaving(answer: Callable[[socket.socket, str], None], port: int = 0) -> Iterator[tuple[str, list[str]]]:
    """A server that answers each request as it likes: (its URL, the paths that were asked for). answer: given the
    connection and the path."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", port)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, suppress(OSError, IndexError):
                    path = connection.recv(65536).split(b" ")[1].decode()
                    asked.append(path)
                    answer(connection, path)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
