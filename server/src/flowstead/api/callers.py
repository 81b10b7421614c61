"""Who sends a request: whose token it brings or, when it brings none, whose cookie."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers

from flowstead.access import Access
from flowstead.api.browser_sessions import BrowserSessions, SignedIn
from flowstead.api.browsers import SessionCookie, check_by_cookie
from flowstead.errors import Unauthorized
from flowstead.resources.principal import Principal
from flowstead.resources.settings import ServerSettings


@dataclass(frozen=True)
class Caller:
    """signed_in: the session by which a browser is known; None for a token."""

    principal: Principal
    signed_in: SignedIn | None = None


class Callers:
    """Recognises callers of the API. Endpoints and blobs are not of it: no cookie opens them."""

    def __init__(self, access: Access, sessions: BrowserSessions, settings: ServerSettings) -> None:
        self._access = access
        self._sessions = sessions
        self._settings = settings

    def recognise(self, headers: Headers, *, used: bool = True) -> Caller:
        """A token counts before a cookie, even a bad one. used: the session is not idle then.

        Raises Unauthorized, and CrossSiteRequest for a cookie without a proof that one of our pages sent it."""
        if "authorization" in headers:
            return Caller(self._access.recognise(headers["authorization"]))
        secret = self.cookie(headers).read(headers)
        if not secret:
            raise Unauthorized
        signed_in = self._sessions.recognise(secret, used=used)
        check_by_cookie(headers, self._settings, signed_in.csrf_token)
        return Caller(signed_in.principal, signed_in)

    def cookie(self, headers: Headers) -> SessionCookie:
        """That of the origin which the request is for."""
        return SessionCookie.of(headers, self._settings, self._access.tenant_id)
