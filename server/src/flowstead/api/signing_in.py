"""Tokens for client credentials, where Azure's identity libraries look for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import JSONResponse

from flowstead.api.context import Here
from flowstead.errors import FlowsteadError

router = APIRouter(tags=["sign-in"])
_OAUTH_CODES = {401: "invalid_client", 429: "temporarily_unavailable"}


@router.get("/{tenant}/v2.0/.well-known/openid-configuration")
def openid_configuration(tenant: str, here: Here) -> dict[str, Any]:
    """Where to sign in, and who issues the tokens."""
    base = f"{here.settings.public_url}/{here.access.tenant_id}"
    return {
        "issuer": here.access.issuer_url,
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "grant_types_supported": ["client_credentials"],
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
    here: Here,
    grant_type: Annotated[str, Form()] = "",
    client_id: Annotated[str, Form()] = "",
    client_secret: Annotated[str, Form()] = "",
    scope: Annotated[str, Form()] = "",
) -> JSONResponse:
    """A bearer token for the scope `AUDIENCE/.default`; errors as OAuth 2.0 has them."""
    if grant_type != "client_credentials":
        return _refused(400, "unsupported_grant_type", "Send grant_type=client_credentials.")
    try:
        issued = here.access.sign_in(tenant, client_id, client_secret, scope)
    except FlowsteadError as failure:
        return _refused(failure.status, _OAUTH_CODES.get(failure.status, "invalid_scope"), str(failure))
    lifetime = issued.expires_at - issued.issued_at
    return JSONResponse(
        {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": issued.text}
    )


def _refused(status: int, code: str, description: str) -> JSONResponse:
    headers = {"Retry-After": "60"} if status == 429 else {}
    return JSONResponse({"error": code, "error_description": description}, status_code=status, headers=headers)
