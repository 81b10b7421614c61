"""The managed identity of a host, over the real wire protocols of App Service and of Azure ML.

    with FakeIdentity() as identity:
        os.environ |= identity.variables            # IDENTITY_ENDPOINT, IDENTITY_HEADER
        DefaultAzureCredential().get_token("https://cognitiveservices.azure.com/.default")
        identity.requests[-1].resource, identity.issued

Its tokens are texts without meaning: whoever gets one is to compare it with `issued`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

LIFE_S = 24 * 3600
_HEADER = "the-header-of-this-host"
_POLL_S = 0.05


@dataclass(frozen=True)
class TokenRequest:
    """client_id: of a user-assigned identity, "" for the host's own."""

    resource: str
    client_id: str


@dataclass
class _State:
    requests: list[TokenRequest] = field(default_factory=list)
    issued: list[str] = field(default_factory=list)
    refusal: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def issue(self, request: TokenRequest) -> dict[str, Any] | None:
        with self.lock:
            self.requests.append(request)
            if self.refusal:
                return None
            self.issued.append(f"entra-token-{len(self.issued) + 1}")
            token = self.issued[-1]
        ends = str(int(time.time()) + LIFE_S)
        return {"access_token": token, "expires_on": ends, "resource": request.resource, "token_type": "Bearer"}


class FakeIdentity:
    """The endpoint, in threads of this process."""

    def __init__(self) -> None:
        self._state = _State()
        state = self._state

        class Handler(_Handler):
            identity = state

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="fake-identity", daemon=True
        )

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/msi/token"

    @property
    def variables(self) -> Mapping[str, str]:
        """As App Service and Flowstead give them."""
        return {"IDENTITY_ENDPOINT": self.url, "IDENTITY_HEADER": _HEADER}

    @property
    def azure_ml_variables(self) -> Mapping[str, str]:
        """As Azure ML gives them."""
        return {"MSI_ENDPOINT": self.url, "MSI_SECRET": _HEADER}

    @property
    def requests(self) -> tuple[TokenRequest, ...]:
        with self._state.lock:
            return tuple(self._state.requests)

    @property
    def issued(self) -> tuple[str, ...]:
        """The tokens, oldest first."""
        with self._state.lock:
            return tuple(self._state.issued)

    def refuse(self, words: str = "no identity is assigned") -> None:
        """From here on nobody gets a token, and is told so."""
        self._state.refusal = words

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    identity: _State

    def do_GET(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        header = self.headers.get("X-IDENTITY-HEADER") or self.headers.get("secret")
        if header != _HEADER:
            return self._send(401, {"error": "unauthorized_client"})
        client = query.get("client_id") or query.get("clientid") or ""
        token = self.identity.issue(TokenRequest(query.get("resource", ""), client))
        return self._send(200, token) if token else self._send(400, {"message": self.identity.refusal})

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `requests` tells what was asked."""

    def _send(self, status: int, content: Mapping[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
