"""How many requests a second an endpoint and its deployments take, checked in Envoy. Pure.

The buckets stand on the virtual host, by name, so that all routes of an endpoint or a deployment draw from the same
one; a bucket on each route would let a pinned request round the limit. An endpoint that is reached by its own host too
has one bucket for either way. Buckets are full again whenever the routes change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowstead.gateway.description import GatewayDeployment, GatewayEndpoint

Json = dict[str, Any]

LOCAL_RATE_LIMIT = "envoy.filters.http.local_ratelimit"
_TYPE = "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_ENDPOINT, _DEPLOYMENT = "endpoint", "deployment"
_ALWAYS = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}, "runtime_key": "flowstead.unused"}
_UNLIMITED = 4294967295


def rate_limit_filter() -> Json:
    """In the filter chain: without a bucket it does nothing until a virtual host says more."""
    return {"name": LOCAL_RATE_LIMIT, "typed_config": {"@type": _TYPE, "stat_prefix": "rate"}}


def rate_limits_of(endpoints: Sequence[GatewayEndpoint], default: int) -> Json:
    """What the virtual host of these endpoints says to the filter; empty when none has a limit. default: requests a
    second of an endpoint that says nothing, 0 for any number."""
    buckets = []
    for endpoint in endpoints:
        rate = rate_of(endpoint, default)
        if rate:
            buckets.append(_bucket(_ENDPOINT, endpoint.name, rate))
        for deployment in endpoint.deployments:
            if deployment.requests_per_second:
                name = _name(endpoint, deployment)
                buckets.append(_bucket(_DEPLOYMENT, name, deployment.requests_per_second))
    if not buckets:
        return {}
    limit = {
        "@type": _TYPE,
        "stat_prefix": "rate",
        "token_bucket": _tokens(_UNLIMITED),
        "always_consume_default_token_bucket": False,
        "filter_enabled": _ALWAYS,
        "filter_enforced": _ALWAYS,
        "descriptors": buckets,
    }
    return {"typed_per_filter_config": {LOCAL_RATE_LIMIT: limit}}


def draws_on(endpoint: GatewayEndpoint, deployment: GatewayDeployment) -> list[Json]:
    """From which buckets a request to the deployment takes: its route's `rate_limits`. endpoint: with its own rate."""
    drawn = [(_ENDPOINT, endpoint.name)] if endpoint.requests_per_second else []
    if deployment.requests_per_second:
        drawn.append((_DEPLOYMENT, _name(endpoint, deployment)))
    return [{"actions": [{"generic_key": {"descriptor_key": key, "descriptor_value": name}}]} for key, name in drawn]


def rate_of(endpoint: GatewayEndpoint, default: int) -> int:
    """Requests a second; 0: any number."""
    return default if endpoint.requests_per_second is None else endpoint.requests_per_second


def _bucket(key: str, name: str, rate: int) -> Json:
    return {"entries": [{"key": key, "value": name}], "token_bucket": _tokens(rate)}


def _tokens(rate: int) -> Json:
    return {"max_tokens": rate, "tokens_per_fill": rate, "fill_interval": "1s"}


def _name(endpoint: GatewayEndpoint, deployment: GatewayDeployment) -> str:
    return f"{endpoint.name}/{deployment.name}"
