"""Tokens for client credentials, where Azure's identity libraries look for them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote, unquote_plus

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse

from flowstead.access import Grant
from flowstead.api.context import Here
from flowstead.errors import BadArgument, TooManyAttempts, Unauthorized

router = APIRouter(tags=["sign-in"])
_GRANT_TYPES = ("client_credentials", "refresh_token")


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
        "id_token_signing_alg_values_supported": ["ES256"],
    }


@router.get("/{tenant}/discovery/v2.0/keys")
def signing_keys(tenant: str, here: Here) -> Mapping[str, Any]:
    """The public keys of the issuer."""
    return here.access.issuer.jwks


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
) -> JSONResponse:
    """A bearer token for the scope `AUDIENCE/.default`, to client credentials or a refresh token; errors as OAuth 2.0
    has them."""
    given = _basic(request.headers.get("authorization", ""))
    if given is not None and client_secret:
        return _refused(400, "invalid_request", "The secret came twice: in the form and as HTTP Basic.")
    name, secret = given or (client_id, client_secret)
    address = _address(request)
    try:
        if grant_type == "client_credentials":
            granted = here.access.sign_in(tenant, name, secret, scope, address=address)
        elif grant_type == "refresh_token":
            granted = here.access.refresh(tenant, name, refresh_token, scope, client_secret=secret, address=address)
        else:
            known = " or ".join(f"grant_type={each}" for each in _GRANT_TYPES)
            return _refused(400, "unsupported_grant_type", f"Send {known}.")
    except BadArgument as failure:
        return _refused(400, "invalid_scope", str(failure))
    except TooManyAttempts as failure:
        return _refused(429, "temporarily_unavailable", str(failure), {"Retry-After": str(failure.retry_after_s)})
    except Unauthorized as failure:
        if grant_type == "refresh_token":
            return _refused(400, "invalid_grant", str(failure))
        return _refused(401, "invalid_client", str(failure), {"WWW-Authenticate": "Basic"} if given else {})
    return JSONResponse(_show(granted))


def _address(request: Request) -> str:
    """Where the request comes from. The gateway says so, and strips what a caller says of it; requests over the API's
    own socket come from this machine and this user."""
    return request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()


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
