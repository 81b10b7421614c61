"""What every request goes through before a route: plain ASGI, in the order of one list
(`application.MIDDLEWARE`)."""

from __future__ import annotations

import logging
import re
import uuid
from urllib.parse import unquote_to_bytes, urlsplit

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowstead.api.callers import Callers
from flowstead.api.failures import failure_response
from flowstead.api.paths import canonical, is_arm
from flowstead.errors import BadArgument, FlowsteadError, PayloadTooLarge, UnknownHost
from flowstead.resources.flow import MAX_ARCHIVE_BYTES, MAX_FILE_BYTES
from flowstead.resources.home import Home
from flowstead.resources.host_trouble import trouble_of
from flowstead.resources.names import Workspace
from flowstead.resources.origin import ORIGIN, Origin
from flowstead.resources.settings import ServerSettings
from flowstead.resources.upload_rules import MAX_BLOB_BYTES

log = logging.getLogger("flowstead.api")

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Bound of a JSON body; uploads have their own."""

MAX_SIGN_IN_BYTES = 64 * 1024
"""Bound of the form with which somebody signs in: it is read into memory before anybody is known."""

SOCKET_HOST = "flowstead"
"""The host name for clients that come through the Unix socket."""

_OF_FLOW = re.compile(r"(?i)/workspaces/[^/]+/flows/[^/]+/(?P<what>files/|import/?$|test/?$)")
"""Paths that take more than an ordinary body: files of flows, and the pictures that a test may bring."""
_CLIENT_ID = re.compile(r"[^A-Za-z0-9_-]")
_CLIENT_ID_CHARACTERS = 40


class RequestIds:
    """Gives each request an id and sends it back, with the caller's own. `scope["state"]["request_id"]` holds
    it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = str(uuid.uuid4())
        client_id = Headers(scope=scope).get("x-ms-client-request-id", "")
        scope.setdefault("state", {})["request_id"] = request_id
        ORIGIN.set(Origin(request_id))

        async def send_with_ids(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-ms-request-id"] = headers["x-ms-correlation-request-id"] = request_id
                if client_id:
                    headers["x-ms-client-request-id"] = _CLIENT_ID.sub("", client_id)[:_CLIENT_ID_CHARACTERS]
            await send(message)

        await self._app(scope, receive, send_with_ids)


class Failures:
    """Whatever no route has caught: an ARM error body for the caller, the traceback for the log."""

    def __init__(self, app: ASGIApp, home: Home) -> None:
        self._app, self._home = app, home

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as failure:
            if started:
                raise
            failure = trouble_of(failure, self._home) or failure
            if not isinstance(failure, FlowsteadError):
                request_id = scope["state"]["request_id"]
                log.exception("%s %s failed; request id %s", scope["method"], scope["path"], request_id)
                failure = FlowsteadError(
                    "The server failed to carry this out.",
                    hint=f"Look for request id {request_id} in the server's log; `flowstead status` names it.",
                )
            await failure_response(scope["path"], failure)(scope, receive, send)


class KnownHosts:
    """Refuses requests for a host that we do not go by: a page elsewhere may have its name lead here."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self._known = settings.host_names | {SOCKET_HOST}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = Headers(scope=scope).get("host", "")
            if _host_name(given) not in self._known:
                raise UnknownHost(f"This server does not go by the host {given[:80]!r}.")
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuses a body over its bound: at once when its length is announced, else when it gets there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bound = _bound(scope["method"], scope["path"])
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdigit() and int(announced) > bound:
            raise PayloadTooLarge(f"The body has {announced} bytes; the limit is {bound}.")
        taken = 0

        async def receive_within_bound() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > bound:
                # FastAPI lets this one through while it reads a body; `failures` makes it a PayloadTooLarge.
                raise HTTPException(413, f"The body is over the limit of {bound} bytes.")
            return message

        await self._app(scope, receive_within_bound, send)


def _bound(method: str, path: str) -> int:
    if method == "POST" and path.endswith("/oauth2/v2.0/token"):
        return MAX_SIGN_IN_BYTES
    # Only PUT brings blobs: by POST, such a path may be a tenant's.
    if method == "PUT" and ".blob." in path.partition("/")[2].partition("/")[0]:
        return MAX_BLOB_BYTES
    match = _OF_FLOW.search(path)
    if match is None:
        return MAX_BODY_BYTES
    return MAX_ARCHIVE_BYTES if match["what"].lower() == "import" else MAX_FILE_BYTES


class Utf8Paths:
    """Refuses a path whose bytes are not UTF-8. Servers hand those on as U+FFFD, all alike: two names would be one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_utf8(unquote_to_bytes(scope.get("raw_path") or b"")):
            raise BadArgument("The path of the URL is not UTF-8.", hint="Percent-encode the bytes of its UTF-8.")
        await self._app(scope, receive, send)


class CanonicalPaths:
    """ARM paths in exact casing; a trailing slash is let go."""

    def __init__(self, app: ASGIApp, workspace: Workspace) -> None:
        self._app = app
        self._workspace = workspace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if is_arm(path):
                path = canonical(path.rstrip("/"), self._workspace)
            scope = {**scope, "path": path}
        await self._app(scope, receive, send)


class Authentication:
    """Every path of ARM needs a valid token or session, before the body is read or a route is looked for.
    `scope["state"]["principal"]` holds whose it is; what that one may do is asked by each route."""

    def __init__(self, app: ASGIApp, callers: Callers) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_arm(scope["path"]):
            caller = await to_thread.run_sync(self._callers.recognise, Headers(scope=scope))
            scope["state"]["principal"] = caller.principal
            ORIGIN.set(Origin(scope["state"]["request_id"], caller.principal.object_id))
        await self._app(scope, receive, send)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _host_name(host: str) -> str:
    """`[::1]:8080` → `::1`, `LOCALHOST:8080` → `localhost`; "" for what is no host."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
