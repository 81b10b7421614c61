"""Tokens for client credentials, where Azure's identity libraries look for them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import quote, unquote_plus

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse

from flowstead.access import Access, Grant
from flowstead.api.browsers import address_of
from flowstead.api.context import Here
from flowstead.errors import BadArgument, IssuerUnreachable, TooManyAttempts, Unauthorized

router = APIRouter(tags=["sign-in"])
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_GRANT_TYPES = ("client_credentials", "refresh_token", _EXCHANGE, _ASSERTION)
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 a type, no token
_TOKEN_TYPES = frozenset({_ACCESS_TOKEN, *(f"urn:ietf:params:oauth:token-type:{each}" for each in ("jwt", "id_token"))})
"""What may be exchanged: signed tokens of the external issuer, whatever it calls them."""


@router.get("/{tenant}/v2.0/.well-known/openid-configuration")
def openid_configuration(tenant: str, here: Here) -> dict[str, Any]:
    """Where to sign in, and who issues the tokens."""
    # The caller's own spelling of the tenant: a wrong one is refused where the secret is sent, not quietly mended here.
    base = f"{here.base_url}/{quote(tenant, safe='')}"
    return {
        "issuer": here.access.issuer_url,
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "grant_types_supported": list(_GRANT_TYPES),
        "response_types_supported": ["token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256"],
    }


@router.get("/{tenant}/discovery/v2.0/keys")
def signing_keys(tenant: str, here: Here) -> Mapping[str, Any]:
    """The public keys of the issuer."""
    return here.access.issuer.published


@dataclass(frozen=True)
class _Form:
    """What was asked for, and from where."""

    tenant: str
    grant_type: str
    client_id: str
    client_secret: str = field(repr=False)
    token: str = field(repr=False)
    token_type: str
    scope: str
    address: str


@router.post("/{tenant}/oauth2/v2.0/token")
def token(
    tenant: str,
    request: Request,
    here: Here,
    grant_type: Annotated[str, Form()] = "",
    client_id: Annotated[str, Form()] = "",
    client_secret: Annotated[str, Form()] = "",
    refresh_token: Annotated[str, Form()] = "",
    scope: Annotated[str, Form()] = "",
    audience: Annotated[str, Form()] = "",
    subject_token: Annotated[str, Form()] = "",
    subject_token_type: Annotated[str, Form()] = "",
    assertion: Annotated[str, Form()] = "",
) -> JSONResponse:
    """A bearer token for the scope `AUDIENCE/.default`, to client credentials, a refresh token, or a token of the
    external issuer; errors as OAuth 2.0 has them."""
    given = _basic(request.headers.get("authorization", ""))
    if given is not None and client_secret:
        return _refused(400, "invalid_request", "The secret came twice: in the form and as HTTP Basic.")
    name, secret = given or (client_id, client_secret)
    brought = {"refresh_token": refresh_token, _EXCHANGE: subject_token, _ASSERTION: assertion}.get(grant_type, "")
    wanted = scope or (f"{audience.rstrip('/')}/.default" if audience else "")
    form = _Form(tenant, grant_type, name, secret, brought, subject_token_type, wanted, address_of(request.headers))
    try:
        return _granted(here.access, form)
    except BadArgument as failure:
        # RFC 8693 calls an audience a target.
        return _refused(400, "invalid_target" if grant_type == _EXCHANGE else "invalid_scope", str(failure))
    except TooManyAttempts as failure:
        wait = {"Retry-After": str(failure.retry_after_s)}
        return _refused(429, "temporarily_unavailable", str(failure), wait)
    except IssuerUnreachable as failure:
        return _refused(503, "temporarily_unavailable", str(failure), {"Retry-After": "10"})
    except Unauthorized as failure:
        if grant_type != "client_credentials":
            return _refused(400, "invalid_grant", str(failure))
        return _refused(401, "invalid_client", str(failure), {"WWW-Authenticate": "Basic"} if given else {})


def _granted(access: Access, form: _Form) -> JSONResponse:
    """Raises what `Access` raises."""
    match form.grant_type:
        case "client_credentials":
            granted = access.sign_in(form.tenant, form.client_id, form.client_secret, form.scope, address=form.address)
            return JSONResponse(_show(granted))
        case "refresh_token":
            granted = access.refresh(
                form.tenant,
                form.client_id,
                form.token,
                form.scope,
                client_secret=form.client_secret,
                address=form.address,
            )
            return JSONResponse(_show(granted))
        case str(kind) if kind in (_EXCHANGE, _ASSERTION):
            if kind == _EXCHANGE and form.token_type not in _TOKEN_TYPES:
                known = " or ".join(sorted(_TOKEN_TYPES))
                return _refused(400, "invalid_request", f"Send subject_token_type={known}.")
            granted = access.exchange(form.tenant, form.token, form.scope, address=form.address)
            issued = {"issued_token_type": _ACCESS_TOKEN} if kind == _EXCHANGE else {}
            return JSONResponse(_show(granted) | issued)
    known = " or ".join(f"grant_type={each}" for each in _GRANT_TYPES)
    return _refused(400, "unsupported_grant_type", f"Send {known}.")


def _show(granted: Grant) -> dict[str, Any]:
    lifetime = granted.token.expires_at - granted.token.issued_at
    shown = {
        "token_type": "Bearer",
        "expires_in": lifetime,
        "ext_expires_in": lifetime,
        "access_token": granted.token.text,
    }
    return shown if granted.refresh is None else shown | {"refresh_token": granted.refresh.text}


def _basic(authorization: str) -> tuple[str, str] | None:
    """Client id and secret of the header, both form-encoded within it (RFC 6749, 2.3.1); None for none."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return unquote_plus(name), unquote_plus(secret)


def _refused(status: int, code: str, description: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": code, "error_description": description}, status_code=status, headers=headers)
