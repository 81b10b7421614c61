"""What holds for browsers: the origin they take us for, the cookie that they are signed in by, and what every answer
tells them."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowstead.errors import CrossSiteRequest, Unauthorized
from flowstead.resources.browser_session import SESSION_LIFETIME
from flowstead.resources.settings import ServerSettings

CSRF_HEADER = "X-CSRF-Token"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_UNLESS_SAID = {
    "Cache-Control": "no-store",
    # Uploaded files and flows' files are served too, and may be HTML.
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
}
_A_YEAR_OF_HTTPS = "max-age=31536000"


class BrowserHeaders:
    """Says on every answer what a browser may do with it. Nothing here names an origin for CORS: pages of others read
    no answer."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self._settings = settings
        public = settings.public_url
        self._https = _normal(public) if public.startswith("https://") else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Only where the public URL says that there is HTTPS to come back to: the home's own authority is not trusted
        # by browsers, and a browser that insists on it would be shut out.
        insist = bool(self._https) and origin_of(Headers(scope=scope), self._settings) == self._https

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers[name] = value
                for name, value in _UNLESS_SAID.items():
                    headers.setdefault(name, value)
                if insist:
                    headers["Strict-Transport-Security"] = _A_YEAR_OF_HTTPS
            await send(message)

        await self._app(scope, receive, send_with_headers)


def scheme_of(headers: Headers) -> str:
    """http or https: the door through which a request came. The gateway names it, and strips what a caller says of
    it; requests over the API's own socket name none."""
    return "https" if headers.get("x-forwarded-proto") == "https" else "http"


def address_of(headers: Headers) -> str:
    """Where the request comes from. The gateway says so, and strips what a caller says of it; requests over the API's
    own socket come from this machine and this user."""
    return headers.get("x-forwarded-for", "").rpartition(",")[2].strip()


def origin_of(headers: Headers, settings: ServerSettings) -> str:
    """The origin that a browser takes this request's answer to be of. The host is one that we go by,
    `middleware.KnownHosts` sees to that; what stands before us at the public URL may speak HTTPS in our place."""
    host = headers.get("host", "").lower()
    public = urlsplit(settings.public_url)
    if settings.public_url and _normal(f"{public.scheme}://{host}") == _normal(settings.public_url):
        return _normal(settings.public_url)
    return _normal(f"{scheme_of(headers)}://{host}")


def check_same_origin(headers: Headers, settings: ServerSettings) -> None:
    """Raises CrossSiteRequest for a request of another origin's page. A page at another port of this host is one,
    though cookies and `SameSite` do not tell it from ours."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site not in (None, "same-origin"):
        raise CrossSiteRequest(f"The request comes from a page of another origin ({(site or '')[:20]}).")
    if origin is not None and origin != origin_of(headers, settings):
        raise CrossSiteRequest(f"The request comes from a page of {origin[:80]}.")


def check_by_cookie(headers: Headers, settings: ServerSettings, csrf_token: str) -> None:
    """What a request must prove that nothing but a cookie authorises, one that only reads too: browsers give a host's
    cookies to whatever serves another of its ports, and that may be anybody's. Raises CrossSiteRequest."""
    check_same_origin(headers, settings)
    if not hmac.compare_digest(headers.get(CSRF_HEADER, "").encode(), csrf_token.encode()):
        raise CrossSiteRequest(f"{CSRF_HEADER} is missing or wrong.")


@dataclass(frozen=True)
class SessionCookie:
    """Holds a session's secret. Of the home too: browsers tell cookies of one host's ports by their names alone."""

    name: str
    secure: bool

    @classmethod
    def of(cls, headers: Headers, settings: ServerSettings, tenant_id: str) -> SessionCookie:
        """That of the origin which the request is for."""
        name, secure = f"flowstead-{tenant_id[:8]}", origin_of(headers, settings).startswith("https:")
        # With this prefix browsers take it from this host over HTTPS only, so that nobody else plants one.
        return cls(f"__Host-{name}" if secure else name, secure)

    def read(self, headers: Headers) -> str:
        """Its value, "" for none. Raises Unauthorized when there are several: one is somebody else's."""
        pairs = (part.strip().partition("=") for line in headers.getlist("cookie") for part in line.split(";"))
        found = {value for name, _, value in pairs if name == self.name}
        if len(found) > 1:
            raise Unauthorized("Two session cookies came with the request.", hint="Remove this site's cookies.")
        return found.pop() if found else ""

    def give(self, answer: Response, secret: str) -> None:
        lifetime = int(SESSION_LIFETIME.total_seconds())
        answer.set_cookie(self.name, secret, lifetime, path="/", secure=self.secure, httponly=True, samesite="strict")

    def take(self, answer: Response) -> None:
        answer.delete_cookie(self.name, path="/", secure=self.secure, httponly=True, samesite="strict")


def _normal(url: str) -> str:
    """Its origin, as browsers write it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(_DEFAULT_PORTS.get(parts.scheme, ''))}"
