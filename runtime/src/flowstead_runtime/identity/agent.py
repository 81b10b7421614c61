"""Tokens of the endpoint's identity: got from the server, kept until they are half used up, and as long as they hold
when the server is away."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from flowstead_runtime.connections.hiding import SECRETS

IDENTITY_URL, IDENTITY_KEY = "FLOWSTEAD_IDENTITY_URL", "FLOWSTEAD_IDENTITY_KEY"
"""The variables by which a hosted instance is told where to ask, and by what it proves whose it is."""
TIMEOUT_S = 15.0
AGAIN_S = 10.0
"""When the server did not answer, a token that still holds is used this much longer before the next try."""
_MARGIN_S = 60.0
"""A token that ends sooner is of no use any more to whoever gets it."""
_MOST_KEPT = 64
_LONGEST_ANSWER = 256 * 1024
_FILE = "identity-tokens.json"


class IdentityToken(NamedTuple):
    """refresh_on, expires_on: Unix seconds."""

    token: str
    resource: str
    client_id: str
    refresh_on: float
    expires_on: float


class TokenRefused(Exception):
    """No token. status: as HTTP has it, 503 when the server cannot be asked."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


Fetch = Callable[[str, str], Mapping[str, Any]]
"""(resource, client id or "") → the server's answer. Raises TokenRefused."""


class IdentityAgent:
    """Safe to use from several threads. folder: where tokens are kept for a process that is started again, None for
    nowhere: it is the instance's own scratch folder, and the tokens are the instance's own."""

    def __init__(self, fetch: Fetch, *, folder: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self._fetch = fetch
        self._now = now
        self._file = None if folder is None else folder / _FILE
        self._lock = threading.Lock()
        # Those who want the same token get it one after the other; nobody waits for a token of another kind.
        self._turns: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._kept = self._read()

    def token(self, resource: str, client_id: str = "") -> IdentityToken:
        """resource: whom it is for, or a scope of its. Raises TokenRefused."""
        resource = resource.removesuffix("/.default").rstrip("/")
        key = f"{client_id} {resource}"
        with self._lock:
            kept = self._kept.get(key)
            turn = self._turns.setdefault(key, threading.Lock())
        if kept is not None and self._now() < kept.refresh_on:
            return kept
        if kept is not None and self._now() < kept.expires_on - _MARGIN_S and turn.locked():
            return kept  # somebody else is getting another one
        with turn:
            return self._renewed(key, resource, client_id)

    def _renewed(self, key: str, resource: str, client_id: str) -> IdentityToken:
        kept = self._kept.get(key)
        if kept is not None and self._now() < kept.refresh_on:
            return kept
        try:
            fresh = self._fresh(resource, client_id)
        except TokenRefused as refused:
            # A refusal is an answer; a server that is away is none.
            if kept is None or refused.status < 500 or self._now() >= kept.expires_on - _MARGIN_S:
                raise
            fresh = kept._replace(refresh_on=self._now() + AGAIN_S)
        with self._lock:
            self._keep(key, fresh)
        return fresh

    def _fresh(self, resource: str, client_id: str) -> IdentityToken:
        said = self._fetch(resource, client_id)
        try:
            token = IdentityToken(
                str(said["access_token"]),
                resource,
                str(said["client_id"]),
                float(said["refresh_on"]),
                float(said["expires_on"]),
            )
        except (KeyError, TypeError, ValueError):
            raise TokenRefused(502, "The server's answer holds no token.") from None
        SECRETS.learn((token.token,))
        return token

    def _keep(self, key: str, token: IdentityToken) -> None:
        now = self._now()
        alive = {name: each for name, each in self._kept.items() if each.expires_on > now and name != key}
        SECRETS.forget(each.token for name, each in self._kept.items() if name not in alive and each != token)
        self._kept = dict([*alive.items()][-_MOST_KEPT + 1 :]) | {key: token}
        if self._file is not None:
            with contextlib.suppress(OSError):
                draft = self._file.with_suffix(".new")
                number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(number, "w", encoding="utf-8") as file:
                    json.dump(self._kept, file)
                draft.replace(self._file)

    def _read(self) -> dict[str, IdentityToken]:
        if self._file is None:
            return {}
        try:
            kept = {str(key): IdentityToken(*each) for key, each in json.loads(self._file.read_bytes()).items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}
        SECRETS.learn(each.token for each in kept.values())
        return kept


def agent_from(environ: MutableMapping[str, str]) -> IdentityAgent | None:
    """That of a hosted instance, whose two variables are taken out of the environment; None elsewhere."""
    url, key = environ.pop(IDENTITY_URL, ""), environ.pop(IDENTITY_KEY, "")
    if not url or not key:
        return None
    SECRETS.learn((key,))
    folder = environ.get("HOME", "")
    return IdentityAgent(fetch_from(url, key), folder=Path(folder) if folder else None)


def fetch_from(url: str, key: str, *, timeout_s: float = TIMEOUT_S) -> Fetch:
    """Asks the server. No proxy: it is on this machine."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def fetch(resource: str, client_id: str) -> Mapping[str, Any]:
        body = json.dumps({"resource": resource, **({"clientId": client_id} if client_id else {})}).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        try:
            request = urllib.request.Request(url, body, headers)  # noqa: S310 our own server's address
            with opener.open(request, timeout=timeout_s) as answer:
                said = json.loads(answer.read(_LONGEST_ANSWER))
        except urllib.error.HTTPError as error:
            with error:
                raise TokenRefused(error.code, _message(error)) from None
        except (OSError, ValueError) as error:
            raise TokenRefused(503, f"The server does not answer: {error}") from None
        if not isinstance(said, dict):
            raise TokenRefused(502, "The server's answer holds no token.")
        return said

    return fetch


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(_LONGEST_ANSWER))["error"]["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"The server answered {error.code}."
