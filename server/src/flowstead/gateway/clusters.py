"""Where requests go: one cluster a deployment, its instances inline, and one for the API. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from flowstead.gateway.description import GatewayDeployment, GatewayEndpoint, Upstream
from flowstead.gateway.paths import METADATA, MIRROR_PATH_HEADER
from flowstead.resources.inference import Inference

Json = dict[str, Any]

API_CLUSTER = "api"
_CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
_HTTP_OPTIONS = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_UNLIMITED = 4294967295
_UPSTREAM_IDLE = "4s"
"""Shorter than uvicorn's keep-alive of 5 s, so that no request is sent into a closing connection."""
_FILTERS = "type.googleapis.com/envoy.extensions.filters.http"
_MIRROR_PATH = f"""\
function envoy_on_request(handle)
  local headers = handle:headers()
  local path = headers:get("{MIRROR_PATH_HEADER}")
  if path then
    headers:replace(":path", path .. (string.match(headers:get(":path"), "%?.*") or ""))
    headers:remove("{MIRROR_PATH_HEADER}")
  end
end
"""
"""In Lua, since a mirror's policy may rewrite no path and header mutations may not either."""
_MIRROR_FILTERS: tuple[Json, ...] = (
    {
        "name": "envoy.filters.http.lua",
        "typed_config": {"@type": f"{_FILTERS}.lua.v3.Lua", "default_source_code": {"inline_string": _MIRROR_PATH}},
    },
    {
        "name": "envoy.filters.http.upstream_codec",
        "typed_config": {"@type": f"{_FILTERS}.upstream_codec.v3.UpstreamCodec"},
    },
)


def cluster_name(endpoint: str, deployment: GatewayDeployment) -> str:
    """A slash is in no name, so no two share one. Where an image's own server is reached by other paths than the one
    before it, it is another cluster: Envoy changes from one to the other with the paths."""
    name = f"{endpoint}/{deployment.name}"
    if deployment.inference is None:
        return name
    return f"{name}/{hashlib.sha256(repr(deployment.inference).encode()).hexdigest()[:8]}"


def parts_of(cluster: str) -> tuple[str, str]:
    """The endpoint and the deployment of such a name."""
    endpoint, deployment, *_ = cluster.split("/")
    return endpoint, deployment


def clusters(endpoints: Sequence[GatewayEndpoint], api_socket: str) -> list[Json]:
    """The API's cluster, then the deployments' in the order given."""
    deployments = [
        _deployment_cluster(endpoint, deployment) for endpoint in endpoints for deployment in endpoint.deployments
    ]
    return [_api_cluster(api_socket), *deployments]


def _api_cluster(socket: str) -> Json:
    return _cluster(API_CLUSTER, [_host(socket)], max_requests=_UNLIMITED)


def _deployment_cluster(endpoint: GatewayEndpoint, deployment: GatewayDeployment) -> Json:
    hosts = [_instance(instance, deployment.name) for instance in deployment.instances]
    # Envoy counts requests over all its threads; connections and pending requests are no measure of them.
    cluster = _cluster(
        cluster_name(endpoint.name, deployment),
        hosts,
        max_requests=deployment.max_requests,
        filters=_MIRROR_FILTERS if _gets_other_paths(endpoint, deployment) else (),
    )
    # Who sleeps answers no check, and who wakes up says that it is starting: the requests wait in its socket meanwhile.
    checks = {} if deployment.sleeps else {"health_checks": [_health_check(deployment.inference)]}
    return cluster | {
        "lb_policy": "LEAST_REQUEST",
        "ignore_health_on_host_removal": True,
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}, "update_merge_window": "0s"},
        **checks,
    }


def _gets_other_paths(endpoint: GatewayEndpoint, mirror: GatewayDeployment) -> bool:
    """It is sent copies of requests that others answer, which score elsewhere."""
    others = (each for each in endpoint.deployments if each is not mirror)
    return mirror.name in endpoint.mirror and any(each.scoring_path != mirror.scoring_path for each in others)


def _cluster(name: str, hosts: Sequence[Json], *, max_requests: int, filters: Sequence[Json] = ()) -> Json:
    """filters: what a request passes on its way to a host, the last one writes it."""
    return {
        "@type": _CLUSTER,
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": _UNLIMITED,
                    "max_pending_requests": _UNLIMITED,
                    "max_requests": max_requests,
                    "max_retries": _UNLIMITED,
                }
            ]
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": _HTTP_OPTIONS,
                "common_http_protocol_options": {"idle_timeout": _UPSTREAM_IDLE},
                "explicit_http_config": {"http_protocol_options": {}},
                **({"http_filters": list(filters)} if filters else {}),
            }
        },
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": list(hosts)}]},
    }


def _instance(upstream: Upstream, deployment: str) -> Json:
    """The metadata is what answers name the deployment by: only a request that was let in gets as far as a host."""
    host = _host(upstream.address)
    host["endpoint"]["health_check_config"] = {"address": _address(upstream.health_address)}
    return host | {"metadata": {"filter_metadata": {METADATA: {"deployment": deployment}}}}


def _host(address: str) -> Json:
    # Every Unix socket has the same host name here: an instance need not know how it is reached.
    return {"endpoint": {"address": _address(address), "hostname": "instance"}}


def _address(address: str) -> Json:
    """A path begins with a slash; anything else is host:port."""
    if address.startswith("/"):
        return {"pipe": {"path": address}}
    host, _, port = address.rpartition(":")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}


def _health_check(inference: Inference | None) -> Json:
    """Every second, whether there is traffic or not; an instance that is back is found twice as fast. inference: of an
    image's own server, whose probe may answer as Azure lets it."""
    asked: Json = {"path": "/health", "host": "health"}
    if inference is not None:
        asked = {**asked, "path": inference.readiness_path, "expected_statuses": [{"start": 200, "end": 400}]}
    return {
        "timeout": "1s",
        "interval": "1s",
        "no_traffic_interval": "1s",
        "unhealthy_interval": "0.5s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        "http_health_check": asked,
    }
