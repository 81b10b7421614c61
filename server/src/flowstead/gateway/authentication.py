"""Who may pass: the filters that check keys and tokens, and what each route says to them. Pure.

Three filters, in this order: tokens, keys, and whom the token is for. The last two are on for every route and let
nobody pass by themselves, so a route that says nothing, or not enough, refuses everybody.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from flowstead.gateway.description import GatewayEndpoint, TokenIssuer, TokenRule
from flowstead.gateway.paths import CLIENT_HEADER

Json = dict[str, Any]

API_KEY_AUTH = "envoy.filters.http.api_key_auth"
JWT_AUTHN = "envoy.filters.http.jwt_authn"
RBAC = "envoy.filters.http.rbac"
PAYLOAD = "payload"
"""Where the claims of a token that was found valid are in a request's metadata, below `JWT_AUTHN`."""
CREDENTIAL_HEADERS = ("authorization", "api-key")
"""Where callers put keys and tokens; no instance sees them."""

_TYPES = "type.googleapis.com/envoy"
_HTTP_FILTERS = f"{_TYPES}.extensions.filters.http"
_JWT_TYPE = f"{_HTTP_FILTERS}.jwt_authn.v3.JwtAuthentication"
_KEY_SOURCES = ({"header": "Authorization"}, {"header": "api-key"})
_KEY_NAMES = ("primary", "secondary")
_SCHEMES = ("Bearer ", "bearer ", "BEARER ")
"""A scheme is read without regard to case (RFC 9110, 11.1), Envoy's filters compare letters: each spelling in use."""
_PROVIDER = _REQUIREMENT = "flowstead"
_SKEW_S = 1
"""How far the issuer's clock may be off, seconds: it is this machine's; Envoy takes 0 for its default of 60."""


def authentication_filters(issuer_file: str) -> list[Json]:
    """In the order in which requests meet them: the filter for tokens takes away the header in which the one for keys
    notes who came. issuer_file: holds `issuer_filters`."""
    keys = {"@type": f"{_HTTP_FILTERS}.api_key_auth.v3.ApiKeyAuth", "key_sources": list(_KEY_SOURCES)}
    nobody = {"@type": f"{_HTTP_FILTERS}.rbac.v3.RBAC", "rules": {"action": "ALLOW"}}
    source = {"path_config_source": {"path": issuer_file}, "resource_api_version": "V3"}
    return [
        {
            "name": JWT_AUTHN,
            "config_discovery": {
                "config_source": source,
                "type_urls": [_JWT_TYPE],
                # It checks nothing until the file says whose tokens count; the last filter then lets none pass.
                "default_config": {"@type": _JWT_TYPE},
                "apply_default_config_without_warming": True,
            },
        },
        {"name": API_KEY_AUTH, "typed_config": keys},
        {"name": RBAC, "typed_config": nobody},
    ]


def issuer_filters(issuer: TokenIssuer) -> list[Json]:
    """What a file of filter configurations (ECDS) holds. The keys are inline: Envoy does not read a file of keys
    again when it changes, but this one it does."""
    provider = {
        "issuer": issuer.url,
        "local_jwks": {"inline_string": json.dumps(issuer.jwks)},
        "from_headers": [{"name": "Authorization", "value_prefix": scheme} for scheme in _SCHEMES],
        "forward": False,
        "require_expiration": True,
        "payload_in_metadata": PAYLOAD,
        "claim_to_headers": [{"header_name": CLIENT_HEADER, "claim_name": "sub"}],
        "clock_skew_seconds": _SKEW_S,
    }
    configuration = {
        "@type": _JWT_TYPE,
        "providers": {_PROVIDER: provider},
        "requirement_map": {_REQUIREMENT: {"provider_name": _PROVIDER}},
        "strip_failure_response": True,
    }
    extension = f"{_TYPES}.config.core.v3.TypedExtensionConfig"
    return [{"@type": extension, "name": JWT_AUTHN, "typed_config": configuration}]


def guarded(endpoint: GatewayEndpoint) -> Json:
    """What a route of the endpoint says to the filters: whom to let in, by keys or by tokens."""
    if endpoint.tokens is None:
        return {API_KEY_AUTH: _keys(endpoint.keys), RBAC: OFF}
    return {
        API_KEY_AUTH: OFF,
        JWT_AUTHN: {"@type": f"{_HTTP_FILTERS}.jwt_authn.v3.PerRouteConfig", "requirement_name": _REQUIREMENT},
        RBAC: _tokens(endpoint.tokens),
    }


def open_to_everybody() -> Json:
    """What a route says that leads nowhere, or to somebody who checks for himself."""
    return {API_KEY_AUTH: OFF, RBAC: OFF}


def _keys(keys: Sequence[str]) -> Json:
    """Without a key the entry is empty, and the filter chain's own, which knows no key, refuses everybody.

    The filter knows `Bearer` only and takes anything else as a part of the key; so the key stands here once more for
    each other spelling.
    """
    named = zip(_KEY_NAMES, dict.fromkeys(key for key in keys if key), strict=False)
    schemes = ("", *_SCHEMES[1:])
    credentials = [{"key": f"{scheme}{key}", "client": name} for name, key in named for scheme in schemes]
    return {
        "@type": f"{_HTTP_FILTERS}.api_key_auth.v3.ApiKeyAuthPerRoute",
        "credentials": credentials,
        "key_sources": list(_KEY_SOURCES),
        "forwarding": {"header": CLIENT_HEADER, "hide_credentials": True},
    }


def _tokens(rule: TokenRule) -> Json:
    """For whom the token is, and who came with it."""
    sessions = {"or_ids": {"ids": [_claim("sid", session) for session in rule.sessions]}}
    principal = {"and_ids": {"ids": [_claim("aud", rule.audience), sessions]}}
    policy = {"permissions": [{"any": True}], "principals": [principal]}
    rules = {"action": "ALLOW", "policies": {"score": policy}} if rule.sessions else {"action": "ALLOW"}
    return {"@type": f"{_HTTP_FILTERS}.rbac.v3.RBACPerRoute", "rbac": {"rules": rules}}


def _claim(name: str, value: str) -> Json:
    """Of the token that the filter before has found to be valid; a claim of several values fits nobody."""
    matcher = {
        "filter": JWT_AUTHN,
        "path": [{"key": PAYLOAD}, {"key": name}],
        "value": {"string_match": {"exact": value}},
    }
    return {"sourced_metadata": {"metadata_matcher": matcher}}


OFF: Json = {"@type": f"{_TYPES}.config.route.v3.FilterConfig", "disabled": True}
"""What a route says to a filter that is not to look at it."""
