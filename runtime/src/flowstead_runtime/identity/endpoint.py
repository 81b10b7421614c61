"""Where the flow's code gets tokens: a managed identity's endpoint in App Service's form, on this machine's loopback.

Anybody on the machine can connect to it; a token gets who sends the secret header, which is in this process's
environment only. Protocol: "Obtain tokens for Azure resources" (REST endpoint reference) of App Service, version
2019-08-01.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
import socket
import threading
from collections.abc import MutableMapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.identity.agent import IdentityAgent, TokenRefused

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

_PATH = "/msi/token"
_BACKLOG = 64
_CLIENT_TIMEOUT_S = 10.0


class IdentityEndpoint:
    """agent: whose tokens it hands out. address: what IDENTITY_ENDPOINT holds; secret: what IDENTITY_HEADER does."""

    def __init__(self, agent: IdentityAgent) -> None:
        """Raises OSError when there is no port."""
        self._agent = agent
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind(("127.0.0.1", 0))
        self.secret = secrets.token_urlsafe(32)
        SECRETS.learn((self.secret,))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}{_PATH}"

    def start(self) -> None:
        self._listener.listen(_BACKLOG)
        threading.Thread(target=self._accept, name="identity-endpoint", daemon=True).start()

    def close(self) -> None:
        # The thread that accepts holds the socket open until it is woken.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def tell(self, environ: MutableMapping[str, str]) -> None:
        """Let the code of this process and of those that it starts find it."""
        environ["IDENTITY_ENDPOINT"], environ["IDENTITY_HEADER"] = self.address, self.secret

    def answer(self, target: str, given: str) -> tuple[int, dict[str, str]]:
        """(status, body) for a GET. target: path and query; given: the secret that came with it."""
        url = urlsplit(target)
        if url.path != _PATH:
            return 404, _error("not_found", f"Tokens are at {_PATH}.")
        if not hmac.compare_digest(given.encode(), self.secret.encode()):
            return 401, _error("unauthorized", "The header X-IDENTITY-HEADER is missing or wrong.")
        query = {name.lower(): values[-1] for name, values in parse_qs(url.query).items()}
        resource = query.get("resource", "")
        if not resource:
            return 400, _error("invalid_request", "Name a resource.")
        client = query.get("client_id") or query.get("principal_id") or ""
        try:
            token = self._agent.token(resource, client)
        except TokenRefused as refused:
            return refused.status, _error("no_token", refused.message)
        return 200, {
            "access_token": token.token,
            "expires_on": str(int(token.expires_on)),
            "resource": token.resource,
            "token_type": "Bearer",
            "client_id": token.client_id,
        }

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError:
                return
            connection.settimeout(_CLIENT_TIMEOUT_S)
            threading.Thread(target=self._serve, args=(connection, address), daemon=True).start()

    def _serve(self, connection: socket.socket, address: object) -> None:
        # Imported with the first request: most instances never get one, and it takes a megabyte.
        from flowstead_runtime.identity.handler import handler_of

        handler: type[BaseHTTPRequestHandler] = handler_of(self.answer)
        with connection:
            try:
                handler(connection, address, None)  # type: ignore[arg-type]  # it uses its server for nothing
            except OSError:
                return  # the client has gone


def _error(code: str, message: str) -> dict[str, str]:
    return {"error": code, "error_description": message, "message": message}
