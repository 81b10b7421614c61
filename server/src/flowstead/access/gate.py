"""The API's gate: from credentials to a token, from a token to a principal."""

from __future__ import annotations

from collections import deque

from flowstead.access.principals import PrincipalTable, ensure_owner, secret_matches
from flowstead.access.tokens import Issuer, Token
from flowstead.errors import BadArgument, TooManyAttempts, Unauthorized
from flowstead.resources.clock import Clock
from flowstead.resources.home import Home
from flowstead.resources.principal import Principal
from flowstead.resources.settings import ServerSettings

_MAX_FAILURES = 30
_WINDOW_S = 60.0
"""So many failed sign-ins of one client in so many seconds, then it waits until the oldest is that long ago."""


class Access:
    """Signs principals in and recognises them."""

    def __init__(self, principals: PrincipalTable, issuer: Issuer, owner: Principal, url: str, clock: Clock) -> None:
        """Use `open`."""
        self.issuer = issuer
        self.tenant_id = owner.tenant_id
        self.audience = url
        self._principals = principals
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}

    @classmethod
    def open(cls, home: Home, *, principals: PrincipalTable, settings: ServerSettings, clock: Clock) -> Access:
        """Ready to use; makes the owner, the credentials file and the issuer's key when they are missing."""
        owner = ensure_owner(principals, home, settings, clock)
        return cls(principals, Issuer.of(home, clock), owner, settings.public_url, clock)

    @property
    def issuer_url(self) -> str:
        return f"{self.audience}/{self.tenant_id}/v2.0"

    def sign_in(self, tenant: str, client_id: str, client_secret: str, scope: str) -> Token:
        """A token for the scope's audience. scope: `AUDIENCE/.default`.

        Raises Unauthorized, TooManyAttempts, and BadArgument for a scope that is not ours."""
        principal = self._principals.find(client_id)
        if principal is None or tenant.lower() not in (principal.tenant_id, "common", "organizations"):
            raise _wrong_credentials()
        self._check_secret(principal, client_secret)
        audience = scope.strip().removesuffix("/.default").rstrip("/")
        if audience != self.audience:
            raise BadArgument(
                f"There is no resource {audience!r} to get a token for.",
                hint=f"Ask for the scope {self.audience}/.default.",
                target="scope",
            )
        claims = {"tid": principal.tenant_id, "appid": principal.client_id, "azp": principal.client_id}
        return self.issuer.issue(
            issuer=self.issuer_url,
            audience=audience,
            subject=principal.object_id,
            claims={**claims, "idtyp": "app", "ver": "2.0"},
        )

    def recognise(self, authorization: str | None) -> Principal:
        """Whose token this is. authorization: the request's header. Raises Unauthorized."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized
        claims = self.issuer.verify(token.strip(), issuer=self.issuer_url, audience=self.audience)
        principal = self._principals.find(str(claims.get("appid", "")))
        if principal is None or principal.object_id != claims["sub"]:
            raise Unauthorized("The token belongs to somebody who is gone.")
        return principal

    def endpoint_token(self, principal: Principal, endpoint_uid: str) -> Token:
        """A token that opens this endpoint only: its audience is the endpoint's immutable id."""
        return self.issuer.issue(
            issuer=self.issuer_url,
            audience=f"endpoint:{endpoint_uid}",
            subject=principal.object_id,
            claims={"tid": principal.tenant_id, "appid": principal.client_id},
        )

    def _check_secret(self, principal: Principal, secret: str) -> None:
        # Counted by client, so that nobody can lock another out without knowing its id.
        now = self._clock.monotonic()
        failures = self._failures.setdefault(principal.client_id, deque(maxlen=_MAX_FAILURES))
        if len(failures) == _MAX_FAILURES and now - failures[0] < _WINDOW_S:
            raise TooManyAttempts
        if not secret_matches(principal, secret):
            failures.append(now)
            raise _wrong_credentials()


def _wrong_credentials() -> Unauthorized:
    return Unauthorized(
        "The client id, its secret or the tenant is wrong.",
        hint="`credentials.json` in the home directory holds the owner's.",
    )
