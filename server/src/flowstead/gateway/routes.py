"""Endpoints → Envoy's configuration. Pure: no file, no socket, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flowstead.gateway.authentication import CREDENTIAL_HEADERS, OFF, guarded, open_to_everybody
from flowstead.gateway.clusters import API_CLUSTER, cluster_name, clusters
from flowstead.gateway.description import Door, GatewayDeployment, GatewayEndpoint
from flowstead.gateway.listener import BODY_SIZE_LIMIT, ROUTES, listeners
from flowstead.gateway.paths import (
    API_ROUTE,
    BROWSER_HEADERS,
    CLIENT_REQUEST_ID,
    ENDPOINTS_PREFIX,
    INSTANCE_PATHS,
    METADATA,
    MIRROR_PATH_HEADER,
    ORIGIN_WIDE_HEADERS,
    PIN_HEADER,
    STOPPED,
    endpoint_prefix,
)
from flowstead.gateway.rate import draws_on, rate_limits_of, rate_of
from flowstead.gateway.replies import SAFE_HEADERS, error_format, header

Json = dict[str, Any]

_TYPES = "type.googleapis.com/envoy"
_IDLE_MARGIN_S = 60.0
"""How much longer than its request time-out a stream may be silent, seconds."""
_API_IDLE = "3600s"
_ON_EVERY_ANSWER = (
    *SAFE_HEADERS,
    header(CLIENT_REQUEST_ID, f"%REQ({CLIENT_REQUEST_ID})%", "ADD_IF_ABSENT"),
)
_HOST_PREFIX = "/"
"""What an endpoint's paths begin with when the host names it."""


@dataclass(frozen=True)
class Configuration:
    """What Envoy reads: resources of CDS, RDS and LDS as plain JSON. The routes hold the keys in clear."""

    clusters: Sequence[Json]
    routes: Sequence[Json] = field(repr=False)
    listeners: Sequence[Json]


def configuration(
    endpoints: Sequence[GatewayEndpoint], door: Door, routes_file: str = "rds.json", issuer_file: str = "ecds.json"
) -> Configuration:
    """routes_file, issuer_file: where Envoy finds the routes and whose tokens count; absolute paths for a real
    Envoy."""
    complete = [_with_missing_deployments(endpoint) for endpoint in sorted(endpoints, key=lambda each: each.name)]
    return Configuration(
        clusters=clusters(complete, door.api_socket),
        routes=[_route_configuration(complete, door)],
        listeners=listeners(door, routes_file, issuer_file),
    )


def _with_missing_deployments(endpoint: GatewayEndpoint) -> GatewayEndpoint:
    """A share of traffic for a deployment that is not there is answered 503, it never goes to another one."""
    known = {deployment.name for deployment in endpoint.deployments}
    missing = sorted({name for name in (*endpoint.traffic, *endpoint.mirror) if name not in known})
    stand_ins = tuple(GatewayDeployment(name, (), request_timeout_s=1.0, max_requests=1) for name in missing)
    return replace(endpoint, deployments=(*endpoint.deployments, *stand_ins))


def _route_configuration(endpoints: Sequence[GatewayEndpoint], door: Door) -> Json:
    return {
        "@type": f"{_TYPES}.config.route.v3.RouteConfiguration",
        "name": ROUTES,
        "virtual_hosts": [_by_path(endpoints, door), *_by_host(endpoints, door), _foreign_hosts()],
        "ignore_port_in_host_matching": True,
        "response_headers_to_remove": ["x-envoy-upstream-service-time"],
        "validate_clusters": False,
    }


def _by_path(endpoints: Sequence[GatewayEndpoint], door: Door) -> Json:
    """Endpoints are found by a prefix tree: a list would cost the last of 200 a third of its rate."""
    trees: dict[str, Json] = {ENDPOINTS_PREFIX: _action([_unknown_endpoint()])}
    for endpoint in endpoints:
        prefix = endpoint_prefix(endpoint.name)
        trees[prefix] = _action(_endpoint_routes(endpoint, prefix, door.requests_per_second))
    by_path = {"@type": f"{_TYPES}.type.matcher.v3.HttpRequestHeaderMatchInput", "header_name": ":path"}
    limits = rate_limits_of(endpoints, door.requests_per_second)
    matcher = {
        "matcher_tree": {"input": {"name": "path", "typed_config": by_path}, "prefix_match_map": {"map": trees}},
        "on_no_match": _action([_api_route()]),
    }
    hosts = [f"[{host}]" if ":" in host else host for host in door.own_hosts]
    return {"name": "door", "domains": hosts, "matcher": matcher, **limits}


def _by_host(endpoints: Sequence[GatewayEndpoint], door: Door) -> list[Json]:
    """With a domain each endpoint has a host as well, with the very same routes but for what its paths begin with. A
    host of our own is never an endpoint's."""
    if not door.domain:
        return []
    named = {f"{endpoint.name.lower()}.{door.domain}": endpoint for endpoint in endpoints}
    hosts = [
        {
            "name": host,
            "domains": [host],
            "routes": _endpoint_routes(endpoint, _HOST_PREFIX, door.requests_per_second),
            **rate_limits_of((endpoint,), door.requests_per_second),
        }
        for host, endpoint in named.items()
        if host not in door.own_hosts
    ]
    rest = f"*.{door.domain}"
    return [*hosts, {"name": rest, "domains": [rest], "routes": [_unknown_endpoint()]}]


def _foreign_hosts() -> Json:
    """A page elsewhere may have its host's name lead here, and would then have our origin for its own."""
    route = {
        "name": "unknown-host",
        "match": {"prefix": "/"},
        "direct_response": {"status": 421},
        "response_headers_to_add": list(_ON_EVERY_ANSWER),
        "typed_per_filter_config": open_to_everybody(),
    }
    return {"name": "foreign", "domains": ["*"], "routes": [route]}


def _action(routes: Sequence[Json]) -> Json:
    listed = {"@type": f"{_TYPES}.config.route.v3.RouteList", "routes": list(routes)}
    return {"action": {"name": "routes", "typed_config": listed}}


def _endpoint_routes(endpoint: GatewayEndpoint, prefix: str, default_rate: int) -> list[Json]:
    """In the order in which they are tried. prefix: what the paths begin with. default_rate: requests a second when it
    says nothing, 0 for any number."""
    endpoint = replace(endpoint, requests_per_second=rate_of(endpoint, default_rate))
    routes = [
        *(route for deployment in endpoint.deployments for route in _pinned(endpoint, prefix, deployment)),
        _unknown_pin(endpoint, prefix),
        *_split(endpoint, prefix),
        _unknown_path(endpoint),
    ]
    # The same on every route: what a refused caller sees must not tell which deployments there are.
    common = {
        "response_headers_to_add": [
            header(PIN_HEADER, f"%UPSTREAM_METADATA({METADATA}:deployment)%"),
            *_ON_EVERY_ANSWER,
        ],
        "response_headers_to_remove": list(ORIGIN_WIDE_HEADERS),
        "typed_per_filter_config": guarded(endpoint),
    }
    return [route | common for route in routes]


def _pinned(endpoint: GatewayEndpoint, prefix: str, deployment: GatewayDeployment) -> list[Json]:
    """The caller names the deployment; such requests are not mirrored (Azure)."""
    named = {"headers": [{"name": PIN_HEADER, "string_match": {"exact": deployment.name}}]}
    return _all_to_deployment(endpoint, prefix, deployment, "pin", named)


def _unknown_pin(endpoint: GatewayEndpoint, prefix: str) -> Json:
    message = f"The endpoint {endpoint.name} has no deployment %REQ({PIN_HEADER})%."
    return {
        "name": f"{endpoint.name}/unknown-deployment",
        "match": _known_paths(prefix) | {"headers": [{"name": PIN_HEADER, "present_match": True}]},
        "direct_response": {
            "status": 404,
            "body_format": error_format("ResourceNotFound", message),
        },
        **_labels(endpoint),
    }


def _split(endpoint: GatewayEndpoint, prefix: str) -> list[Json]:
    """A route for each share, with the sum of the shares so far: Envoy draws one number for a request and compares it
    with each in turn, the last takes what is left."""
    deployments = {deployment.name: deployment for deployment in endpoint.deployments}
    shares = [(deployments[name], percent) for name, percent in endpoint.traffic.items() if percent > 0]
    if not shares:
        message = f"The endpoint {endpoint.name} has no deployment with a positive share of its traffic."
        return [_not_found(f"{endpoint.name}/no-traffic", _known_paths(prefix), message, endpoint)]
    routes, so_far = [], 0
    for deployment, percent in shares:
        so_far += percent
        last = deployment is shares[-1][0]
        fraction = {} if last else {"runtime_fraction": {"default_value": _percent(so_far)}}
        if endpoint.mirror:
            for kind, path in _scoring(prefix, deployment).items():
                match = {"path": path} | fraction
                routes.append(_to_deployment(endpoint, prefix, deployment, f"mirrored{kind}", match, mirrored=True))
        routes += _all_to_deployment(endpoint, prefix, deployment, "split", fraction)
    return routes


def _all_to_deployment(
    endpoint: GatewayEndpoint, prefix: str, deployment: GatewayDeployment, kind: str, further: Json
) -> list[Json]:
    """All of its paths. An image's own server scores where it says, whether it is asked so or by the usual path.
    further: of the match."""
    usual = _to_deployment(endpoint, prefix, deployment, kind, _known_paths(prefix) | further)
    if deployment.inference is None:
        return [usual]
    scoring = (
        _to_deployment(endpoint, prefix, deployment, f"{kind}{way}", {"path": path} | further)
        for way, path in _scoring(prefix, deployment).items()
    )
    return [*scoring, usual]


def _scoring(prefix: str, deployment: GatewayDeployment) -> Mapping[str, str]:
    """What the names of routes end with → the paths that score."""
    usual = f"{prefix}score"
    if deployment.inference is None:
        return {"": usual}
    return {"-score": usual, "-own": f"{prefix}{deployment.scoring_path[1:]}"}


def _to_deployment(
    endpoint: GatewayEndpoint,
    prefix: str,
    deployment: GatewayDeployment,
    kind: str,
    match: Json,
    *,
    mirrored: bool = False,
) -> Json:
    named = {"name": f"{endpoint.name}/{deployment.name}/{kind}", "match": match}
    if deployment.stopped:
        # No cluster is asked: nothing else would tell it from one whose instances have failed.
        stopped = {"name": f"{named['name']}{STOPPED}", "match": match, "direct_response": {"status": 503}}
        return {**stopped, **_labels(endpoint, deployment.name)}
    action: Json = {
        "cluster": cluster_name(endpoint.name, deployment),
        "regex_rewrite": _rewritten(prefix, deployment, match),
        # The time of one try bounds the way to the first byte; the route's own would cut streams.
        "timeout": "0s",
        "idle_timeout": _seconds(deployment.request_timeout_s + _IDLE_MARGIN_S),
        "retry_policy": _retry_policy(deployment.request_timeout_s),
    }
    if drawn := draws_on(endpoint, deployment):
        action["rate_limits"] = drawn
    if mirrored:
        action["request_mirror_policies"] = _mirrors(endpoint, deployment)
    return {
        **named,
        "route": action,
        "request_headers_to_remove": [PIN_HEADER, MIRROR_PATH_HEADER, *BROWSER_HEADERS, *CREDENTIAL_HEADERS],
        **_labels(endpoint, deployment.name),
    }


def _rewritten(prefix: str, deployment: GatewayDeployment, match: Json) -> Json:
    """The path as the instance knows it."""
    if deployment.inference is not None and match.get("path") == f"{prefix}score":
        pattern, path = f"^{re.escape(prefix)}score", deployment.scoring_path
    else:
        pattern, path = f"^{re.escape(prefix)}", "/"
    return {"pattern": {"regex": pattern}, "substitution": path}


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


def _mirrors(endpoint: GatewayEndpoint, answering: GatewayDeployment) -> list[Json]:
    """answering: whose path the requests have got when they are copied; where the other one scores elsewhere, the copy
    is told, and its cluster takes that path."""
    deployments = {deployment.name: deployment for deployment in endpoint.deployments}
    policies = []
    for name, percent in endpoint.mirror.items():
        copied_to = deployments[name]
        policy: Json = {
            "cluster": cluster_name(endpoint.name, copied_to),
            "runtime_fraction": {"default_value": _percent(percent)},
            "disable_shadow_host_suffix_append": True,
        }
        if copied_to.scoring_path != answering.scoring_path:
            path = copied_to.scoring_path.replace("%", "%%")
            policy["request_headers_mutations"] = [{"append": header(MIRROR_PATH_HEADER, path)}]
        policies.append(policy)
    return policies


def _unknown_path(endpoint: GatewayEndpoint) -> Json:
    known = ", ".join(f"/{path}" for path in INSTANCE_PATHS)
    message = f"The endpoint {endpoint.name} has no such path. It has {known}."
    return _not_found(f"{endpoint.name}/unknown-path", {"prefix": "/"}, message, endpoint, "UnknownRoute")


def _unknown_endpoint() -> Json:
    """Open to everybody, as there is nothing behind it."""
    route = _not_found("unknown-endpoint", {"prefix": "/"}, "There is no such endpoint.")
    return route | {
        "response_headers_to_add": list(_ON_EVERY_ANSWER),
        "typed_per_filter_config": open_to_everybody(),
    }


def _api_route() -> Json:
    """Everything else. The API does its own authentication and bounds its own bodies."""
    return {
        "name": API_ROUTE,
        "match": {"prefix": "/"},
        "route": {"cluster": API_CLUSTER, "timeout": "0s", "idle_timeout": _API_IDLE},
        "typed_per_filter_config": open_to_everybody() | {BODY_SIZE_LIMIT: OFF},
    }


def _not_found(
    name: str, match: Json, message: str, endpoint: GatewayEndpoint | None = None, code: str = "ResourceNotFound"
) -> Json:
    return {
        "name": name,
        "match": match,
        "direct_response": {"status": 404, "body_format": error_format(code, message)},
        **(_labels(endpoint) if endpoint else {}),
    }


def _labels(endpoint: GatewayEndpoint, deployment: str = "") -> Json:
    """What the access log and the gateway's own replies say of the route."""
    named = {"endpoint": endpoint.name} | ({"deployment": deployment} if deployment else {})
    if endpoint.tokens and endpoint.tokens.scope:
        named |= {"scope": endpoint.tokens.scope, "audience": endpoint.tokens.audience}
    return {"metadata": {"filter_metadata": {METADATA: named}}}


def _known_paths(prefix: str) -> Json:
    paths = "|".join(re.escape(path) for path in INSTANCE_PATHS)
    return {"safe_regex": {"regex": f"{re.escape(prefix)}(?:{paths})"}}


def _percent(value: int) -> Json:
    return {"numerator": value, "denominator": "HUNDRED"}


def _seconds(value: float) -> str:
    return f"{value:.3f}s"
