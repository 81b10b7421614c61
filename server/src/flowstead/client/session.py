"""One connection to a server's API: the token, and errors as our own."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from flowstead.client.credentials import Credentials, read_credentials
from flowstead.client.failures import failure_of
from flowstead.client.login import Login, read_login
from flowstead.errors import FlowsteadError, ServerNotRunning, ServerUnreachable
from flowstead.resources.home import Home
from flowstead.resources.names import Workspace

API_VERSION = "2024-10-01"
_CONNECT_S = 5.0
_ANSWER_S = 120.0
"""How long an answer may take, seconds: a model's registration copies and hashes its files."""
_RENEW_BEFORE_S = 60.0


class Session:
    """Requests to one server. Safe to use from several threads.

    Locally the requests go through the server's Unix socket, so they need neither the gateway nor the public URL's
    name to work; the URLs that the server hands out are taken by their paths."""

    def __init__(
        self,
        client: httpx.Client,
        credentials: Credentials,
        *,
        trust: Callable[[], ssl.SSLContext | None] = lambda: None,
        remote: bool = False,
    ) -> None:
        """client: its base URL or transport leads to the server. trust: makes what the certificates of
        its door are checked against; None for the system's authorities. remote: it is another machine's."""
        self.trust = trust
        self.is_remote = remote
        self.credentials = credentials
        self.workspace = credentials.workspace
        self._client = client
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0

    @classmethod
    def local(cls, home: Home) -> Session:
        """To the server of this home. Raises ServerNotRunning when it never ran; otherwise the first request does."""
        credentials = read_credentials(home)
        transport = httpx.HTTPTransport(uds=str(home.api_socket))
        timeout = httpx.Timeout(_ANSWER_S, connect=_CONNECT_S)
        client = httpx.Client(transport=transport, base_url="http://flowstead", timeout=timeout)
        return cls(client, credentials, trust=lambda: own_authority(home))

    @classmethod
    def remote(cls, login: Login) -> Session:
        """To the server that was logged in to. Nothing is asked yet."""
        trust = login.trust()
        timeout = httpx.Timeout(_ANSWER_S, connect=_CONNECT_S)
        client = httpx.Client(base_url=login.credentials.url, verify=trust, timeout=timeout)
        return cls(client, login.credentials, trust=lambda: trust, remote=True)

    @classmethod
    def of(cls, home: Home) -> Session:
        """To the server that this home was logged in to, else to its own. Raises ServerNotRunning."""
        login = read_login(home)
        return cls.remote(login) if login else cls.local(home)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def within(self, *, subscription: str = "", resource_group: str = "", workspace: str = "") -> None:
        """Go on in another workspace; what is "" stays as it is."""
        here = self.workspace
        self.workspace = Workspace(
            subscription or here.subscription, resource_group or here.resource_group, workspace or here.name
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        content: bytes | str = "",
        if_match: str = "",
        **query: str,
    ) -> httpx.Response:
        """One call of the management API. path: absolute. body: JSON; content: bytes in its place. if_match: the ETag
        that the resource must still have. Raises the server's error, ServerNotRunning, ServerUnreachable."""
        sent = {"content": content} if content else {"json": body}
        answer = self._authorised(method, path, sent, query, if_match)
        if answer.status_code == 401:
            self._token = ""  # a server that was started anew on another URL has another audience
            answer = self._authorised(method, path, sent, query, if_match)
        if answer.is_error:
            raise failure_of(answer)
        return answer

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request as it is, without a token; blob routes are opened by their signature."""
        try:
            return self._client.request(method, path, **options)
        except (httpx.TransportError, FileNotFoundError) as failure:
            raise self._unreachable(failure, f"{method} {path}") from failure

    def stream_to(self, path: str, write: Callable[[bytes], Any], query: Mapping[str, str]) -> None:
        """A blob's bytes, piece by piece. Raises the server's error."""
        try:
            with self._client.stream("GET", path, params=dict(query)) as answer:
                if answer.is_error:
                    answer.read()
                    raise failure_of(answer)
                for piece in answer.iter_bytes():
                    write(piece)
        except httpx.TransportError as failure:
            raise self._unreachable(failure, f"GET {path}") from failure

    def events(
        self, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """The server-sent events that answer a POST of the body, or a GET when there is none, as they come: (name,
        content). Raises the server's error."""
        method = "GET" if body is None else "POST"
        headers = {"Authorization": f"Bearer {self.token()}"}
        timeout = httpx.Timeout(None, connect=_CONNECT_S)
        try:
            with self._client.stream(
                method,
                path,
                json=body,
                headers=headers,
                params={"api-version": API_VERSION, **(query or {})},
                timeout=timeout,
            ) as answer:
                if answer.is_error:
                    answer.read()
                    raise failure_of(answer)
                name = ""
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        name = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        yield name, json.loads(line.removeprefix("data: "))
        except httpx.TransportError as failure:
            raise self._unreachable(failure, f"{method} {path}") from failure

    def token(self, audience: str = "") -> str:
        """A bearer token for the audience; the API's own is kept until shortly before it expires."""
        if audience and audience != self.credentials.url:
            return str(self._sign_in(audience)["access_token"])
        with self._lock:
            if not self._token or time.monotonic() > self._renew_at:
                granted = self._sign_in(self.credentials.url)
                self._token = str(granted["access_token"])
                self._renew_at = time.monotonic() + float(granted["expires_in"]) - _RENEW_BEFORE_S
            return self._token

    def _unreachable(self, failure: Exception, request: str) -> FlowsteadError:
        if isinstance(failure, httpx.TimeoutException) and not isinstance(failure, httpx.ConnectTimeout):
            return ServerUnreachable(f"The server did not answer {request} in time.")
        if not isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout | FileNotFoundError):
            return ServerUnreachable(f"The server went away during {request}.")
        if not self.is_remote:
            return ServerNotRunning()
        if "CERTIFICATE_VERIFY_FAILED" in str(failure):
            return ServerUnreachable(
                f"The certificate of {self.credentials.url} cannot be trusted: {failure}",
                hint="Copy tls/ca.pem from that server's home, and name it: flowstead login … --ca FILE.",
            )
        return ServerUnreachable(
            f"{self.credentials.url} does not answer: {failure}",
            hint="Check the URL and the network. To leave that server: flowstead logout.",
        )

    def _authorised(
        self, method: str, path: str, sent: Mapping[str, Any], query: dict[str, str], if_match: str
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token()}", **({"If-Match": if_match} if if_match else {})}
        parameters = {"api-version": API_VERSION, **query}
        return self.send(method, path, params=parameters, headers=headers, **sent)

    def _sign_in(self, audience: str) -> dict[str, Any]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.credentials.client_id,
            "client_secret": self.credentials.client_secret,
            "scope": f"{audience}/.default",
        }
        answer = self.send("POST", f"/{self.credentials.tenant_id}/oauth2/v2.0/token", data=form)
        if answer.is_error:
            raise failure_of(answer)
        return dict(answer.json())


def own_authority(home: Home) -> ssl.SSLContext | None:
    """Trusts the home's own authority beside the system's; None for a home that has none."""
    if not home.ca_certificate.exists():
        return None
    context = ssl.create_default_context()
    context.load_verify_locations(home.ca_certificate)
    return context
