"""The configuration as data. What Envoy makes of it is shown by the component tests.

Refresh the golden files after a change that is meant: FLOWSTEAD_REFRESH_GOLDEN=1.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowstead.gateway.authentication import API_KEY_AUTH, JWT_AUTHN, RBAC
from flowstead.gateway.clusters import API_CLUSTER
from flowstead.gateway.description import Door, GatewayDeployment, GatewayEndpoint, TlsDoor, TokenRule, Upstream
from flowstead.gateway.listener import BODY_SIZE_LIMIT
from flowstead.gateway.rate import LOCAL_RATE_LIMIT
from flowstead.gateway.routes import Configuration, configuration
from flowstead.resources.inference import Inference

GOLDEN = Path(__file__).parent / "golden" / "gateway"

DOOR = Door("127.0.0.1", 8080, "/run/fs/api.sock", "/home/fs/logs/access.log")
TLS = TlsDoor("127.0.0.1", 8443, "/run/fs/gateway/sds.json")
BLUE = GatewayDeployment("blue", (Upstream("/run/1/s", "/run/1/h"), Upstream("/run/2/s", "/run/2/h")), 90.0, 40)
GREEN = GatewayDeployment("green", (Upstream("10.0.0.7:9000", "10.0.0.7:9001"),), 2.5, 20)
IMAGE = replace(GREEN, name="image", inference=Inference(5001, "/alive", "/ready", "/v1/models/m:predict"))
CASES: dict[str, tuple[GatewayEndpoint, ...]] = {
    "none": (),
    "one": (GatewayEndpoint("ask", ("K1", "K2"), (BLUE,), {"blue": 100}),),
    "split-and-mirror": (
        GatewayEndpoint("ask", ("K1", "K2"), (BLUE, GREEN), {"blue": 80, "green": 20}),
        GatewayEndpoint("chat", ("K3",), (BLUE, GREEN), {"blue": 100}, {"green": 10}),
    ),
    "tokens-and-hosts": (
        GatewayEndpoint("ask", (), (BLUE,), {"blue": 100}, tokens=TokenRule("endpoint:1", ("owner", "user.1"))),
        GatewayEndpoint(
            "Chat", (), (BLUE,), {"blue": 100}, tokens=TokenRule("https://ml.azure.com", ("owner",), "/e/Chat")
        ),
    ),
    "stopped": (
        GatewayEndpoint("ask", ("K1",), (BLUE, replace(GREEN, instances=(), stopped=True)), {"blue": 50, "green": 50}),
    ),
    "image-with-a-server": (
        GatewayEndpoint("ask", ("K1",), (BLUE, IMAGE), {"blue": 50, "image": 50}),
        GatewayEndpoint("try", ("K1",), (BLUE, IMAGE), {"blue": 100}, {"image": 10}),
    ),
    "sleeping": (GatewayEndpoint("ask", ("K1",), (replace(BLUE, sleeps=True),), {"blue": 100}),),
    "rates": (
        GatewayEndpoint("ask", ("K1",), (BLUE, replace(GREEN, requests_per_second=5)), {"blue": 100}),
        GatewayEndpoint("free", ("K1",), (BLUE,), {"blue": 100}, requests_per_second=0),
        GatewayEndpoint("slow", ("K1",), (GREEN,), {"green": 100}, requests_per_second=3),
    ),
    "without-keys-or-traffic": (
        GatewayEndpoint("locked", (), (BLUE,), {"blue": 100}),
        GatewayEndpoint("quiet", ("K4", "K5"), (BLUE,), {"blue": 0}),
    ),
}


def _door(case: str) -> Door:
    if case == "tokens-and-hosts":
        return replace(DOOR, domain="flows.test", own_hosts=("portal.flows.test", "::1"))
    if case == "rates":
        return replace(DOOR, requests_per_second=500)
    return replace(DOOR, tls=TLS) if case == "none" else DOOR


@pytest.mark.parametrize("name", CASES)
def test_the_configuration_is_as_reviewed(name: str) -> None:
    wanted = configuration(CASES[name], _door(name))
    parts = {"clusters": wanted.clusters, "routes": wanted.routes, "listeners": wanted.listeners}
    text = json.dumps(parts, indent=1) + "\n"
    golden = GOLDEN / f"{name}.json"
    if os.environ.get("FLOWSTEAD_REFRESH_GOLDEN") == "1":
        golden.write_text(text)
    assert text == golden.read_text()


def _trees(wanted: Configuration) -> dict[str, list[dict[str, Any]]]:
    """Prefix (`*` for all others) → the routes tried under it; hosts → theirs."""
    matcher = wanted.routes[0]["virtual_hosts"][0]["matcher"]
    trees = matcher["matcher_tree"]["prefix_match_map"]["map"] | {"*": matcher["on_no_match"]}
    by_path = {prefix: action["action"]["typed_config"]["routes"] for prefix, action in trees.items()}
    return by_path | {host["name"]: host["routes"] for host in wanted.routes[0]["virtual_hosts"][1:]}


def _every_route(wanted: Configuration) -> Iterator[dict[str, Any]]:
    for routes in _trees(wanted).values():
        yield from routes


def _routes(endpoint: GatewayEndpoint) -> list[dict[str, Any]]:
    return _trees(configuration((endpoint,), DOOR))[f"/endpoints/{endpoint.name}/"]


@pytest.mark.parametrize("name", CASES)
def test_authentication_is_lifted_for_the_api_and_unknown_endpoints_only(name: str) -> None:
    """And the filter chain itself lets nobody pass, so that a route which was forgotten refuses everybody."""
    wanted = configuration(CASES[name], _door(name))
    for route in _every_route(wanted):
        entries = route["typed_per_filter_config"]
        off = {each for each, entry in entries.items() if entry.get("disabled")}
        if route["name"] in ("api", "unknown-endpoint", "unknown-host"):
            assert {API_KEY_AUTH, RBAC} <= off, route["name"]
        elif JWT_AUTHN in entries:
            assert off == {API_KEY_AUTH}, route["name"]
            assert "rbac" in entries[RBAC]
        else:
            assert off == {RBAC}, route["name"]
    [chain] = wanted.listeners[0]["filter_chains"]
    filters = chain["filters"][0]["typed_config"]["http_filters"]
    assert [each["name"] for each in filters][:5] == [
        JWT_AUTHN,
        API_KEY_AUTH,
        RBAC,
        LOCAL_RATE_LIMIT,
        BODY_SIZE_LIMIT,
    ]
    assert not any(each.get("disabled") for each in filters)
    assert "credentials" not in filters[1]["typed_config"]
    assert filters[2]["typed_config"]["rules"] == {"action": "ALLOW"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (TokenRule("endpoint:1", ("one",)), {"aud": "endpoint:1", "sid": ["one"]}),
        (TokenRule("https://ml.azure.com", ("one", "two")), {"aud": "https://ml.azure.com", "sid": ["one", "two"]}),
        (TokenRule("https://ml.azure.com", ()), None),
    ],
)
def test_a_token_rule_names_audience_and_sessions(rule: TokenRule, expected: dict[str, Any] | None) -> None:
    for route in _routes(GatewayEndpoint("ask", ("K",), (BLUE,), {"blue": 100}, tokens=rule)):
        rules = route["typed_per_filter_config"][RBAC]["rbac"]["rules"]
        assert "K" not in json.dumps(route["typed_per_filter_config"])
        if expected is None:
            assert rules == {"action": "ALLOW"}, "no policy: nobody"
            continue
        [principal] = rules["policies"]["score"]["principals"]
        [audience, sessions] = principal["and_ids"]["ids"]
        asked = [_claimed(each) for each in sessions["or_ids"]["ids"]]
        assert {claim for claim, _ in asked} == {"sid"}
        assert {"aud": _claimed(audience)[1], "sid": [value for _, value in asked]} == expected


def _claimed(principal: dict[str, Any]) -> tuple[str, str]:
    """Claim and value."""
    matcher = principal["sourced_metadata"]["metadata_matcher"]
    return matcher["path"][-1]["key"], matcher["value"]["string_match"]["exact"]


def test_with_a_domain_each_endpoint_has_the_same_routes_by_host() -> None:
    door = replace(DOOR, domain="flows.test", own_hosts=("chat.flows.test",))
    by_path, *by_host, foreign = configuration(CASES["split-and-mirror"], door).routes[0]["virtual_hosts"]
    assert by_path["domains"] == ["chat.flows.test"]
    assert (foreign["domains"], [route["name"] for route in foreign["routes"]]) == (["*"], ["unknown-host"])
    assert [host["domains"] for host in by_host] == [["ask.flows.test"], ["*.flows.test"]], "our own host is nobody's"
    text = json.dumps(_trees(configuration(CASES["split-and-mirror"], door))["/endpoints/ask/"])
    for pattern in ("/endpoints/ask/", re.escape("/endpoints/ask/").replace("\\", "\\\\")):
        text = text.replace(pattern, "/")
    assert json.dumps(by_host[0]["routes"]) == text
    [unknown] = by_host[1]["routes"]
    assert "route" not in unknown


def test_an_unknown_endpoint_s_route_leads_nowhere() -> None:
    [route] = _trees(configuration(CASES["one"], DOOR))["/endpoints/"]
    assert route["direct_response"]["status"] == 404
    assert "route" not in route


def test_each_endpoint_takes_its_own_keys_only() -> None:
    trees = _trees(configuration(CASES["split-and-mirror"], DOOR))
    for prefix, expected in (("/endpoints/ask/", {"K1", "K2"}), ("/endpoints/chat/", {"K3"})):
        for route in trees[prefix]:
            credentials = route["typed_per_filter_config"][API_KEY_AUTH]["credentials"]
            assert {each["key"].split()[-1] for each in credentials} == expected


@pytest.mark.parametrize("keys", [(), ("",), ("", "")])
def test_no_key_means_no_entry(keys: tuple[str, ...]) -> None:
    for route in _routes(GatewayEndpoint("locked", keys, (BLUE,), {"blue": 100})):
        assert route["typed_per_filter_config"][API_KEY_AUTH]["credentials"] == []


def test_equal_keys_are_one_entry() -> None:
    """Envoy refuses the same key twice."""
    route = _routes(GatewayEndpoint("ask", ("K1", "K1"), (BLUE,), {"blue": 100}))[0]
    keys = [each["key"] for each in route["typed_per_filter_config"][API_KEY_AUTH]["credentials"]]
    assert len(keys) == len(set(keys))


def test_the_order_of_endpoints_changes_nothing() -> None:
    endpoints = CASES["split-and-mirror"]
    assert configuration(endpoints, DOOR) == configuration(tuple(reversed(endpoints)), DOOR)


def test_a_split_of_three_is_cumulative_and_the_last_takes_the_rest() -> None:
    third = GatewayDeployment("third", (), 1.0, 1)
    endpoint = GatewayEndpoint("ask", ("K",), (BLUE, GREEN, third), {"blue": 50, "green": 30, "third": 20})
    split = [route for route in _routes(endpoint) if route["name"].endswith("/split")]
    numerators = [
        route["match"].get("runtime_fraction", {}).get("default_value", {}).get("numerator") for route in split
    ]
    assert numerators == [50, 80, None]


def test_a_share_of_a_missing_deployment_goes_to_nobody_else() -> None:
    endpoint = GatewayEndpoint("ask", ("K",), (BLUE,), {"blue": 50, "gone": 50})
    wanted = configuration((endpoint,), DOOR)
    [gone] = [cluster for cluster in wanted.clusters if cluster["name"] == "ask/gone"]
    assert gone["load_assignment"]["endpoints"] == [{"lb_endpoints": []}]
    names = [route["name"] for route in _routes(endpoint)]
    assert {"ask/blue/split", "ask/gone/split"} <= set(names)


def test_a_deployment_without_share_is_reached_by_its_name_only() -> None:
    names = [
        route["name"] for route in _routes(GatewayEndpoint("ask", ("K",), (BLUE, GREEN), {"blue": 100, "green": 0}))
    ]
    assert "ask/green/pin" in names
    assert "ask/green/split" not in names


def test_only_scoring_is_mirrored_and_never_when_a_deployment_is_named() -> None:
    mirrored = [
        route
        for route in _every_route(configuration(CASES["split-and-mirror"], DOOR))
        if "request_mirror_policies" in route.get("route", {})
    ]
    assert [(route["name"], route["match"]["path"]) for route in mirrored] == [
        ("chat/blue/mirrored", "/endpoints/chat/score")
    ]


def test_every_route_has_a_cluster_and_every_cluster_a_route() -> None:
    wanted = configuration(CASES["split-and-mirror"], DOOR)
    named = {route["route"]["cluster"] for route in _every_route(wanted) if "route" in route}
    assert named == {cluster["name"] for cluster in wanted.clusters}


def test_requests_are_tried_again_only_when_no_connection_came_about() -> None:
    for route in _every_route(configuration(CASES["split-and-mirror"], DOOR)):
        policy = route.get("route", {}).get("retry_policy")
        assert policy is None or policy["retry_on"] == "connect-failure"


def test_the_traps_of_envoy_are_avoided() -> None:
    for cluster in configuration(CASES["split-and-mirror"], DOOR).clusters:
        assert cluster["type"] == "STATIC"  # a file per cluster would use up the system's watches
        if cluster["name"] == API_CLUSTER:
            continue
        [check] = cluster["health_checks"]
        assert (check["interval"], check["no_traffic_interval"]) == ("1s", "1s")
        assert cluster["common_lb_config"] == {"healthy_panic_threshold": {"value": 0}, "update_merge_window": "0s"}
        assert "outlier_detection" not in cluster


def test_health_is_asked_at_the_health_address() -> None:
    wanted = configuration(CASES["split-and-mirror"], DOOR)
    [green] = [cluster for cluster in wanted.clusters if cluster["name"] == "ask/green"]
    [host] = green["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert host["endpoint"]["address"] == {"socket_address": {"address": "10.0.0.7", "port_value": 9000}}
    assert host["endpoint"]["health_check_config"]["address"]["socket_address"]["port_value"] == 9001


def test_keys_show_in_no_repr() -> None:
    endpoint = GatewayEndpoint("ask", ("K1-secret",), (BLUE,), {"blue": 100})
    assert "K1-secret" not in repr(endpoint)
    assert "K1-secret" not in repr(configuration((endpoint,), DOOR))


def test_the_access_log_has_no_query_and_no_credential() -> None:
    manager = configuration((), DOOR).listeners[0]["filter_chains"][0]["filters"][0]["typed_config"]
    fields = manager["access_log"][0]["typed_config"]["log_format"]["json_format"]
    assert fields["path"] == "%PATH(NQ:ORIG_OR_PATH)%"
    assert not any("AUTHORIZATION" in value or "API-KEY" in value or "COOKIE" in value for value in fields.values())


def test_both_doors_have_the_same_filters_and_routes() -> None:
    plain, secured = configuration((), replace(DOOR, tls=TLS)).listeners
    [chain], [same] = plain["filter_chains"], secured["filter_chains"]
    assert same["filters"] == chain["filters"]
    assert "transport_socket" in same
    assert "transport_socket" not in chain


def test_a_hundred_endpoints_stay_small() -> None:
    """Bytes of one endpoint's routes, so that a change which multiplies them is noticed."""
    many = tuple(GatewayEndpoint(f"e{n:03}", ("K" * 32, "L" * 32), (BLUE,), {"blue": 100}) for n in range(100))
    size = len(json.dumps(configuration(many, DOOR).routes)) / 100
    print(f"{size:.0f} bytes of routes an endpoint")
    assert size < 11_000


def test_a_stopped_deployment_is_answered_by_the_gateway_itself() -> None:
    blue, green = BLUE, replace(GREEN, instances=(), stopped=True)
    routes = _routes(GatewayEndpoint("ask", ("K",), (blue, green), {"blue": 50, "green": 50}, {"green": 10}))
    answered = {each["name"]: each["direct_response"] for each in routes if "green" in each["name"]}
    names = {f"ask/green/{kind}/stopped" for kind in ("pin", "mirrored", "split")}
    assert answered == {name: {"status": 503} for name in names}
    assert all("route" in each for each in routes if each["name"].startswith("ask/blue/"))
