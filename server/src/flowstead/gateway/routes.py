"""Endpoints → Envoy's configuration. Pure: no file, no socket, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowstead.gateway.clusters import API_CLUSTER, cluster_name, clusters
from flowstead.gateway.description import Door, GatewayDeployment, GatewayEndpoint
from flowstead.gateway.listener import API_KEY_AUTH, BODY_SIZE_LIMIT, KEY_SOURCES, ROUTES, listeners
from flowstead.gateway.paths import (
    CLIENT_HEADER,
    ENDPOINTS_PREFIX,
    INSTANCE_PATHS,
    METADATA,
    PIN_HEADER,
    endpoint_prefix,
)
from flowstead.gateway.replies import SAFE_HEADERS, error_format, header

Json = dict[str, Any]

_TYPES = "type.googleapis.com/envoy"
_IDLE_MARGIN_S = 60.0
"""How much longer than its request time-out a stream may be silent, seconds."""
_API_IDLE = "3600s"
_KEY_NAMES = ("primary", "secondary")


@dataclass(frozen=True)
class Configuration:
    """What Envoy reads: resources of CDS, RDS and LDS as plain JSON. The routes hold the keys in clear."""

    clusters: Sequence[Json]
    routes: Sequence[Json] = field(repr=False)
    listeners: Sequence[Json]


def configuration(endpoints: Sequence[GatewayEndpoint], door: Door, routes_file: str = "rds.json") -> Configuration:
    """routes_file: where Envoy finds the routes; an absolute path for a real Envoy."""
    complete = [_with_missing_deployments(endpoint) for endpoint in sorted(endpoints, key=lambda each: each.name)]
    return Configuration(
        clusters=clusters(complete, door.api_socket),
        routes=[_route_configuration(complete)],
        listeners=listeners(door, routes_file),
    )


def _with_missing_deployments(endpoint: GatewayEndpoint) -> GatewayEndpoint:
    """A share of traffic for a deployment that is not there is answered 503, it never goes to another one."""
    known = {deployment.name for deployment in endpoint.deployments}
    missing = sorted({name for name in (*endpoint.traffic, *endpoint.mirror) if name not in known})
    stand_ins = tuple(GatewayDeployment(name, (), request_timeout_s=1.0, max_requests=1) for name in missing)
    return GatewayEndpoint(
        endpoint.name, endpoint.keys, (*endpoint.deployments, *stand_ins), endpoint.traffic, endpoint.mirror
    )


def _route_configuration(endpoints: Sequence[GatewayEndpoint]) -> Json:
    """Endpoints are found by a prefix tree: a list would cost the last of 200 a third of its rate."""
    trees: dict[str, Json] = {ENDPOINTS_PREFIX: _action([_unknown_endpoint()])}
    trees |= {endpoint_prefix(endpoint.name): _action(_endpoint_routes(endpoint)) for endpoint in endpoints}
    by_path = {"@type": f"{_TYPES}.type.matcher.v3.HttpRequestHeaderMatchInput", "header_name": ":path"}
    matcher = {
        "matcher_tree": {"input": {"name": "path", "typed_config": by_path}, "prefix_match_map": {"map": trees}},
        "on_no_match": _action([_api_route()]),
    }
    return {
        "@type": f"{_TYPES}.config.route.v3.RouteConfiguration",
        "name": ROUTES,
        "virtual_hosts": [{"name": "door", "domains": ["*"], "matcher": matcher}],
        "response_headers_to_remove": ["x-envoy-upstream-service-time"],
        "validate_clusters": False,
    }


def _action(routes: Sequence[Json]) -> Json:
    listed = {"@type": f"{_TYPES}.config.route.v3.RouteList", "routes": list(routes)}
    return {"action": {"name": "routes", "typed_config": listed}}


def _endpoint_routes(endpoint: GatewayEndpoint) -> list[Json]:
    """In the order in which they are tried."""
    routes = [
        *(_pinned(endpoint, deployment) for deployment in endpoint.deployments),
        _unknown_pin(endpoint),
        *_split(endpoint),
        _unknown_path(endpoint),
    ]
    # The same on every route: what a refused caller sees must not tell which deployments there are.
    common = {
        "response_headers_to_add": [
            header(PIN_HEADER, f"%UPSTREAM_METADATA({METADATA}:deployment)%"),
            *SAFE_HEADERS,
            header("x-ms-client-request-id", "%REQ(x-ms-client-request-id):40%", "ADD_IF_ABSENT"),
        ],
        "response_headers_to_remove": ["set-cookie"],
        "typed_per_filter_config": {API_KEY_AUTH: _authentication(endpoint.keys)},
    }
    return [route | common for route in routes]


def _authentication(keys: Sequence[str]) -> Json:
    """Without a key the entry is empty, and the filter chain's own, which knows no key, refuses everybody.

    A scheme is read without regard to case (RFC 9110, 11.1), the filter knows `Bearer` only and takes anything else
    as a part of the key; so the key stands here once more for each spelling in use.
    """
    named = zip(_KEY_NAMES, dict.fromkeys(key for key in keys if key), strict=False)
    credentials = [
        {"key": f"{scheme}{key}", "client": name} for name, key in named for scheme in ("", "bearer ", "BEARER ")
    ]
    return {
        "@type": f"{_TYPES}.extensions.filters.http.api_key_auth.v3.ApiKeyAuthPerRoute",
        "credentials": credentials,
        "key_sources": list(KEY_SOURCES),
        "forwarding": {"header": CLIENT_HEADER, "hide_credentials": True},
    }


def _pinned(endpoint: GatewayEndpoint, deployment: GatewayDeployment) -> Json:
    """The caller names the deployment; such requests are not mirrored (Azure)."""
    match = _known_paths(endpoint) | {"headers": [{"name": PIN_HEADER, "string_match": {"exact": deployment.name}}]}
    return _to_deployment(endpoint, deployment, "pin", match)


def _unknown_pin(endpoint: GatewayEndpoint) -> Json:
    message = f"The endpoint {endpoint.name} has no deployment %REQ({PIN_HEADER})%."
    return {
        "name": f"{endpoint.name}/unknown-deployment",
        "match": _known_paths(endpoint) | {"headers": [{"name": PIN_HEADER, "present_match": True}]},
        "direct_response": {
            "status": 404,
            "body_format": error_format("ResourceNotFound", message),
        },
        **_labels(endpoint.name),
    }


def _split(endpoint: GatewayEndpoint) -> list[Json]:
    """A route for each share, with the sum of the shares so far: Envoy draws one number for a request and compares it
    with each in turn, the last takes what is left."""
    deployments = {deployment.name: deployment for deployment in endpoint.deployments}
    shares = [(deployments[name], percent) for name, percent in endpoint.traffic.items() if percent > 0]
    if not shares:
        message = f"The endpoint {endpoint.name} has no deployment with a positive share of its traffic."
        return [_not_found(f"{endpoint.name}/no-traffic", _known_paths(endpoint), message, endpoint.name)]
    routes, so_far = [], 0
    for deployment, percent in shares:
        so_far += percent
        last = deployment is shares[-1][0]
        fraction = {} if last else {"runtime_fraction": {"default_value": _percent(so_far)}}
        if endpoint.mirror:
            match = {"path": f"{endpoint_prefix(endpoint.name)}score"} | fraction
            routes.append(_to_deployment(endpoint, deployment, "mirrored", match, mirror=endpoint.mirror))
        routes.append(_to_deployment(endpoint, deployment, "split", _known_paths(endpoint) | fraction))
    return routes


def _to_deployment(
    endpoint: GatewayEndpoint,
    deployment: GatewayDeployment,
    kind: str,
    match: Json,
    *,
    mirror: Mapping[str, int] | None = None,
) -> Json:
    action: Json = {
        "cluster": cluster_name(endpoint.name, deployment.name),
        "regex_rewrite": {
            "pattern": {"regex": f"^{re.escape(endpoint_prefix(endpoint.name))}"},
            "substitution": "/",
        },
        # The time of one try bounds the way to the first byte; the route's own would cut streams.
        "timeout": "0s",
        "idle_timeout": _seconds(deployment.request_timeout_s + _IDLE_MARGIN_S),
        "retry_policy": _retry_policy(deployment.request_timeout_s),
    }
    if mirror:
        action["request_mirror_policies"] = [_mirror(endpoint.name, *share) for share in mirror.items()]
    return {
        "name": f"{endpoint.name}/{deployment.name}/{kind}",
        "match": match,
        "route": action,
        "request_headers_to_remove": [PIN_HEADER, "cookie"],
        **_labels(endpoint.name, deployment.name),
    }


def _retry_policy(request_timeout_s: float) -> Json:
    """Only when no connection came about: anything later may have run the flow."""
    other_host = f"{_TYPES}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    return {
        "retry_on": "connect-failure",
        "num_retries": 2,
        "per_try_timeout": _seconds(request_timeout_s),
        "retry_host_predicate": [
            {"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {"@type": other_host}}
        ],
        "host_selection_retry_max_attempts": 3,
    }


def _mirror(endpoint: str, deployment: str, percent: int) -> Json:
    return {
        "cluster": cluster_name(endpoint, deployment),
        "runtime_fraction": {"default_value": _percent(percent)},
        "disable_shadow_host_suffix_append": True,
    }


def _unknown_path(endpoint: GatewayEndpoint) -> Json:
    known = ", ".join(f"/{path}" for path in INSTANCE_PATHS)
    message = f"The endpoint {endpoint.name} has no such path. It has {known}."
    return _not_found(f"{endpoint.name}/unknown-path", {"prefix": "/"}, message, endpoint.name, "UnknownRoute")


def _unknown_endpoint() -> Json:
    """Open to everybody, as there is nothing behind it."""
    route = _not_found("unknown-endpoint", {"prefix": "/"}, "There is no such endpoint.")
    return route | {
        "response_headers_to_add": list(SAFE_HEADERS),
        "typed_per_filter_config": {API_KEY_AUTH: _off()},
    }


def _api_route() -> Json:
    """Everything else. The API does its own authentication and bounds its own bodies."""
    return {
        "name": "api",
        "match": {"prefix": "/"},
        "route": {"cluster": API_CLUSTER, "timeout": "0s", "idle_timeout": _API_IDLE},
        "typed_per_filter_config": {API_KEY_AUTH: _off(), BODY_SIZE_LIMIT: _off()},
    }


def _off() -> Json:
    return {"@type": f"{_TYPES}.config.route.v3.FilterConfig", "disabled": True}


def _not_found(name: str, match: Json, message: str, endpoint: str = "", code: str = "ResourceNotFound") -> Json:
    return {
        "name": name,
        "match": match,
        "direct_response": {"status": 404, "body_format": error_format(code, message)},
        **_labels(endpoint),
    }


def _labels(endpoint: str, deployment: str = "") -> Json:
    """What the access log says of the route."""
    known = {name: value for name, value in (("endpoint", endpoint), ("deployment", deployment)) if value}
    return {"metadata": {"filter_metadata": {METADATA: known}}} if known else {}


def _known_paths(endpoint: GatewayEndpoint) -> Json:
    paths = "|".join(re.escape(path) for path in INSTANCE_PATHS)
    return {"safe_regex": {"regex": f"{re.escape(endpoint_prefix(endpoint.name))}(?:{paths})"}}


def _percent(value: int) -> Json:
    return {"numerator": value, "denominator": "HUNDRED"}


def _seconds(value: float) -> str:
    return f"{value:.3f}s"
