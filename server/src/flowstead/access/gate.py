"""The API's gate: from credentials to a token, from a token to a principal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt

from flowstead.access.attempts import Attempts
from flowstead.access.external_issuer import LONGEST_TOKEN, ExternalIssuer, Outsider
from flowstead.access.federation import ASSERTION_AUDIENCE
from flowstead.access.issuer_keys import IssuerKeys
from flowstead.access.outsiders import demand_not_blocked, demand_welcome, outsider
from flowstead.access.principals import PrincipalTable, ensure_owner, secret_matches
from flowstead.access.tokens import LIFETIME, Issuer, Token
from flowstead.errors import BadArgument, Unauthorized
from flowstead.resources.browser_session import Holder
from flowstead.resources.clock import Clock
from flowstead.resources.home import Home
from flowstead.resources.principal import Principal, PrincipalType
from flowstead.resources.settings import ServerSettings

ENTRA_AUDIENCE = "https://ml.azure.com"
"""What tokens for endpoints with `aad_token` are for; the SDK has it hard-coded."""
OFFLINE_ACCESS = "offline_access"
REFRESH_LIFETIME = timedelta(days=7)
IDENTITY_LIFETIME = timedelta(hours=24)
"""Of managed identities' tokens, as in Azure: while the server is away an instance goes on with the one that it has."""
ASSERTION_LIFETIME = timedelta(minutes=10)
_ENDPOINT = "endpoint:"
_OIDC_SCOPES = (OFFLINE_ACCESS, "openid", "profile", "email")

Announce = Callable[[str, Mapping[str, Any]], None]
"""Given the issuer's URL and its public keys, tells those who check tokens by themselves."""


def _nobody_else(_url: str, _jwks: Mapping[str, Any]) -> None:
    """Only this process checks tokens."""


@dataclass(frozen=True)
class Grant:
    """refresh: None when none was asked for."""

    token: Token
    refresh: Token | None


class Access:
    """Signs principals in and recognises them."""

    def __init__(
        self,
        principals: PrincipalTable,
        issuer: Issuer,
        owner: Principal,
        settings: ServerSettings,
        clock: Clock,
        announce: Announce,
    ) -> None:
        """Use `open`."""
        self.issuer = issuer
        self.tenant_id = owner.tenant_id
        self.audience = settings.audience
        self._settings = settings
        self._principals = principals
        self._clock = clock
        self._announce = announce
        self._attempts = Attempts(clock)
        self._external = (
            ExternalIssuer(settings.oidc_issuer, settings.oidc_audience, clock) if settings.oidc_issuer else None
        )

    @classmethod
    def open(
        cls,
        home: Home,
        *,
        principals: PrincipalTable,
        settings: ServerSettings,
        clock: Clock,
        announce: Announce = _nobody_else,
    ) -> Access:
        """Ready to use; makes the owner, the credentials file and the issuer's key when they are missing. announce:
        returns when the others know the keys; may raise."""
        owner = ensure_owner(principals, home, settings, clock)
        return cls(principals, Issuer.of(home, clock), owner, settings, clock, announce)

    @property
    def issuer_url(self) -> str:
        return f"{self.audience}/{self.tenant_id}/v2.0"

    def announce_keys(self) -> None:
        """Tell the others of the keys; may be repeated."""
        self._announce(self.issuer_url, self.issuer.jwks)

    def rotate_key(self, *, end_tokens: bool = False) -> IssuerKeys:
        """Sign with a new key; see `Issuer.rotate`. end_tokens: all that are there end at once."""
        return self.issuer.rotate(self.announce_keys, forget=end_tokens)

    @property
    def external_issuer(self) -> str:
        """The URL of the external issuer whose tokens count too, "" for none."""
        return self._settings.oidc_issuer

    def sign_in(self, tenant: str, client_id: str, client_secret: str, scope: str, *, address: str = "") -> Grant:
        """A token for the scope's audience, and a refresh token when the scope names `offline_access`.

        scope: `AUDIENCE/.default`; address: where the request comes from. Raises Unauthorized, TooManyAttempts, and
        BadArgument for an audience that nobody here has."""
        with self._attempts.attempt(address, client_id):
            principal = self._known(tenant, client_id)
            _check_secret(principal, client_secret)
            demand_not_blocked(principal)
        wanted = scope.split()
        token = self._token(principal, self._audience_of(wanted))
        return Grant(token, self._refresh_token(principal) if OFFLINE_ACCESS in wanted else None)

    def refresh(
        self,
        tenant: str,
        client_id: str,
        refresh_token: str,
        scope: str,
        *,
        client_secret: str = "",
        address: str = "",
    ) -> Grant:
        """Another token for somebody who signed in before; the refresh token itself stays as it is until it ends. It
        ends at once when its principal gets another secret. scope: as of `sign_in`; "" for the API. client_secret: need
        not be given, but must be right.

        Raises Unauthorized, TooManyAttempts, and BadArgument for an audience that nobody here has."""
        with self._attempts.attempt(address, client_id or claimed(refresh_token, "appid")):
            claims = self.issuer.verify(refresh_token, issuer=self.issuer_url, audience=self._refresh_audience)
            principal = self._known(tenant, str(claims.get("appid", "")))
            is_whose = client_id in ("", principal.client_id) and claims.get("ses", "") == principal.session
            if not is_whose or claims.get("for") != _fingerprint(principal):
                raise Unauthorized("The refresh token is not valid any more.", hint="Sign in again.")
            if client_secret:
                _check_secret(principal, client_secret)
            demand_not_blocked(principal)
        return Grant(self._token(principal, self._audience_of(scope.split())), None)

    def exchange(self, tenant: str, token: str, scope: str, *, address: str = "") -> Grant:
        """A token of ours for one of the external issuer's (RFC 8693, RFC 7523); it ends no later. Our own are not
        exchanged: a token for one audience opens no other. scope: as of `sign_in`; "" for the API.

        Raises Unauthorized, IssuerUnreachable, TooManyAttempts, and BadArgument for an audience that nobody has."""
        with self._attempts.attempt(address, claimed(token, "sub")):
            if not self._is_of(tenant):
                raise _wrong_credentials()
            if self._external is None or not self._external.issued(token):
                raise Unauthorized(
                    "The token is not of an issuer whose tokens are exchanged here.",
                    hint="`flowstead up --oidc-issuer` names it.",
                )
            who = self._external.verify(token)
            principal = self._outsider(who)
            left = timedelta(seconds=who.expires_at) - timedelta(seconds=int(self._clock.now().timestamp()))
            if left <= timedelta(0):
                raise Unauthorized("The token has expired.", hint="Get a new one from its issuer.")
        return Grant(self._token(principal, self._audience_of(scope.split()), min(left, LIFETIME)), None)

    def recognise(self, authorization: str | None) -> Principal:
        """Whose token this is. authorization: the request's header. Raises Unauthorized, and IssuerUnreachable for a
        token of the external issuer that cannot be checked."""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthorized
        if self._external is not None and self._external.issued(token):
            return self._outsider(self._external.verify(token))
        claims = self.issuer.verify(token, issuer=self.issuer_url, audience=self.audience)
        principal = self._holder(claims)
        if claims.get("ses", "") != principal.session:
            raise Unauthorized("The token has been revoked.", hint="Sign in again.")
        demand_not_blocked(principal)
        return principal

    def _holder(self, claims: Mapping[str, Any]) -> Principal:
        """Whose token of ours it is. Raises Unauthorized."""
        if "idp" in claims:
            if self._external is None or claims["idp"] != self._external.url:
                raise Unauthorized("The token was got with one of an issuer that does not count any more.")
            row, grants = self._principals.outsider(str(claims["sub"]))
            kind = PrincipalType.SERVICE_PRINCIPAL if claims.get("idtyp") == "app" else PrincipalType.USER
            named = {"name": str(claims.get("name", "")), "tenant_id": self.tenant_id}
            return outsider(str(claims["sub"]), self._external.url, row=row, grants=grants, type=kind, **named)
        principal = self._principals.find(str(claims.get("appid", "")))
        if principal is None or principal.object_id != claims["sub"]:
            raise Unauthorized("The token belongs to somebody who is gone.")
        return principal

    def _outsider(self, who: Outsider) -> Principal:
        """Raises Unauthorized for who is not welcome."""
        row, grants = self._principals.outsider(who.object_id)
        named = {"name": who.name, "tenant_id": self.tenant_id}
        principal = outsider(who.object_id, self.external_issuer, row=row, grants=grants, type=who.type, **named)
        demand_welcome(principal, row, who)
        return principal

    def known_still(self, holder: Holder) -> Principal:
        """The principal that signed in, as it is now. Raises Unauthorized when it is gone, blocked or revoked."""
        claims = {"sub": holder.principal_id, "appid": holder.client_id, "name": holder.name}
        if holder.issuer:
            is_program = holder.type != PrincipalType.USER.value
            claims |= {"idp": holder.issuer, "idtyp": "app" if is_program else "user"}
        principal = self._holder(claims)
        if holder.principal_session != principal.session:
            raise Unauthorized("The session has been revoked.", hint="Sign in again.")
        demand_not_blocked(principal)
        return principal

    def endpoint_token(self, principal: Principal, endpoint_uid: str) -> Token:
        """A token that opens this endpoint only: its audience is the endpoint's immutable id."""
        return self._issue(principal, endpoint_audience(endpoint_uid))

    def entra_token(self, principal: Principal) -> Token:
        """A token of somebody's own for endpoints with `aad_token`; whether it opens one, his roles say."""
        return self._token(principal, ENTRA_AUDIENCE)

    def identity_token(self, principal: Principal, resource: str) -> Token:
        """A token of an identity, for whomever the resource names. Raises BadArgument for audiences that only this
        server gives tokens for on other grounds, Unauthorized for who is blocked."""
        demand_not_blocked(principal)
        if resource.startswith(_ENDPOINT) or resource == self._refresh_audience:
            raise BadArgument(f"A token for {resource[:80]} is not got in this way.", target="resource")
        audience = self.audience if self._settings.is_own(resource) else resource
        return self._issue(
            principal,
            audience,
            IDENTITY_LIFETIME,
            azp=principal.client_id,
            idtyp="app",
            ver="2.0",
            xms_mirid=principal.resource_id,
        )

    def is_own_audience(self, resource: str) -> bool:
        """Whether this server itself takes tokens for it."""
        return self._settings.is_own(resource) or resource == ENTRA_AUDIENCE or resource.startswith(_ENDPOINT)

    def assertion(self, principal: Principal, audience: str) -> str:
        """What another authority believes who this is; of use there only. Raises Unauthorized for who is blocked."""
        demand_not_blocked(principal)
        return self._issue(principal, audience, ASSERTION_LIFETIME).text

    @property
    def _refresh_audience(self) -> str:
        return f"{self.issuer_url}/refresh"

    def _token(self, principal: Principal, audience: str, lifetime: timedelta = LIFETIME) -> Token:
        kind = "user" if principal.issuer and principal.type is PrincipalType.USER else "app"
        return self._issue(principal, audience, lifetime, azp=principal.client_id, idtyp=kind, ver="2.0")

    def _refresh_token(self, principal: Principal) -> Token:
        claims = {"for": _fingerprint(principal)}
        return self._issue(principal, self._refresh_audience, REFRESH_LIFETIME, **claims)

    def _issue(self, principal: Principal, audience: str, lifetime: timedelta = LIFETIME, **claims: str) -> Token:
        return self.issuer.issue(
            issuer=self.issuer_url,
            audience=audience,
            subject=principal.object_id,
            claims={
                "tid": principal.tenant_id,
                "appid": principal.client_id,
                "ses": principal.session,
                "sid": session_id(principal),
                **({"idp": principal.issuer, "name": principal.name} if principal.issuer else {}),
                **claims,
            },
            lifetime=lifetime,
            asserts=audience == ASSERTION_AUDIENCE,
        )

    def _audience_of(self, wanted: Sequence[str]) -> str:
        """wanted: the words of a scope."""
        resources = {word.removesuffix("/.default").rstrip("/") for word in wanted if word not in _OIDC_SCOPES}
        audiences = {self.audience if self._settings.is_own(resource) else resource for resource in resources}
        if audiences <= {self.audience}:
            return self.audience
        if audiences == {ENTRA_AUDIENCE}:
            return ENTRA_AUDIENCE
        raise BadArgument(
            f"There is no resource {' '.join(sorted(resources))[:200]!r} to get a token for.",
            hint=f"Ask for the scope {self.audience}/.default.",
            target="scope",
        )

    def _known(self, tenant: str, client_id: str) -> Principal:
        principal = self._principals.find(client_id) if self._is_of(tenant) else None
        if principal is None:
            raise _wrong_credentials()
        return principal

    def _is_of(self, tenant: str) -> bool:
        return tenant.lower() in (self.tenant_id, "common", "organizations")


def claimed(token: str, name: str) -> str:
    """What a token says of itself, before anything of it is checked; "" for nothing. Only good for counting."""
    if len(token) > LONGEST_TOKEN:
        return ""
    try:
        return str(jwt.decode(token, options={"verify_signature": False}).get(name, ""))
    except (jwt.InvalidTokenError, RecursionError):
        return ""


def _check_secret(principal: Principal, secret: str) -> None:
    if not secret_matches(principal, secret):
        raise _wrong_credentials()


def session_id(principal: Principal) -> str:
    """What tokens say of whom they were given to and when; revoking them changes it."""
    return f"{principal.object_id}.{principal.session}" if principal.session else principal.object_id


def endpoint_audience(endpoint_uid: str) -> str:
    """Whom tokens for one endpoint are for: its immutable id, so that they open no later endpoint of its name."""
    return f"{_ENDPOINT}{endpoint_uid}"


def _fingerprint(principal: Principal) -> str:
    """Of the secret that the principal has at present."""
    return hashlib.sha256(principal.secret_hash.encode()).hexdigest()[:16]


def _wrong_credentials() -> Unauthorized:
    return Unauthorized(
        "The client id, its secret or the tenant is wrong.",
        hint="If they were right before, your secret has been replaced, or you have been removed: ask an owner for a "
        "new one (`flowstead principal reset-secret`), and sign in again.",
    )
