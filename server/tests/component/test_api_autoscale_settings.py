"""Autoscale settings, as Azure Monitor's clients send and read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowstead.resources.built_in_roles import CONTRIBUTOR, DATA_SCIENTIST, READER
from flowstead.resources.scaling import Scaled
from flowstead.store.records import Kind
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.in_process_api import InProcessApi
from server.tests.component.test_api_roles import assign, made

FLOW = "inputs: {}\noutputs: {}\nnodes: []\n"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def api(tmp_path: Path, clock: FrozenClock) -> Iterator[InProcessApi]:
    """With the deployments blue and green."""
    with InProcessApi(tmp_path, clock=clock) as world:
        world.call("PUT", "onlineEndpoints/chat", {"properties": {"authMode": "Key"}})
        uri = world.upload({"flow.dag.yaml": FLOW})
        model = world.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": uri}}).json()["id"]
        for name in ("blue", "green"):
            world.call("PUT", f"onlineEndpoints/chat/deployments/{name}", {"properties": {"model": model}})
        yield world


def rule(api: InProcessApi, **trigger: Any) -> dict[str, Any]:
    return {
        "metricTrigger": {
            "metricName": "CpuUtilizationPercentage",
            "metricResourceUri": api.workspace.deployment("chat", "blue"),
            "timeGrain": "PT1M",
            "statistic": "Average",
            "timeWindow": "PT5M",
            "timeAggregation": "Last",
            "operator": "GreaterThan",
            "threshold": 70,
            **trigger,
        },
        "scaleAction": {"direction": "Increase", "type": "ChangeCount", "value": "2", "cooldown": "PT1H"},
    }


def body(api: InProcessApi, **properties: Any) -> dict[str, Any]:
    capacity = {"minimum": "2", "maximum": "5", "default": "2"}
    profile = {"name": "my-scale-settings", "capacity": capacity, "rules": [rule(api)]}
    target = api.workspace.deployment("chat", "blue")
    return {"location": "local", "properties": {"targetResourceUri": target, "profiles": [profile], **properties}}


def refusal(api: InProcessApi, given: dict[str, Any], status: int = 400) -> tuple[str, str]:
    """(target, message)."""
    answer = api.call("PUT", api.workspace.autoscale_setting("by-cpu"), given)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    return error.get("target", ""), error["message"]


def test_it_is_made_shown_listed_changed_and_deleted(api: InProcessApi) -> None:
    id = api.workspace.autoscale_setting("by-cpu")
    given = {**body(api), "tags": {"a": "b"}}
    created = api.call("PUT", id, given)
    assert created.status_code == 201, created.text
    assert api.call("PUT", id, given).status_code == 200
    shown = api.call("GET", id.lower().replace("/by-cpu", "/By-CPU"))
    assert shown.headers["ETag"] == created.headers["ETag"]
    setting = shown.json()
    assert (setting["id"], setting["name"], setting["tags"]) == (id, "by-cpu", {"a": "b"})
    assert setting["type"] == "Microsoft.Insights/autoscaleSettings"
    properties = setting["properties"]
    assert (properties["name"], properties["enabled"], properties["notifications"]) == ("by-cpu", True, [])
    assert properties["activeProfile"] == "my-scale-settings"
    [profile] = properties["profiles"]
    assert profile["capacity"] == {"minimum": "2", "maximum": "5", "default": "2"}
    [told] = profile["rules"]
    assert told["metricTrigger"].items() >= {**rule(api)["metricTrigger"], "dimensions": []}.items()
    assert told["scaleAction"] == rule(api)["scaleAction"]
    group = id.rpartition("/")[0]
    for listed in (group, group.replace(f"/resourceGroups/{api.workspace.resource_group}", "")):
        assert [each["name"] for each in api.call("GET", listed).json()["value"]] == ["by-cpu"]
    patched = api.call("PATCH", id, {"tags": {"c": "d"}, "properties": {"enabled": False}}).json()
    assert (patched["tags"], patched["properties"]["enabled"]) == ({"a": "b", "c": "d"}, False)
    assert (patched["properties"]["profiles"], patched["properties"]["activeProfile"]) == ([profile], None)
    assert api.call("DELETE", id).status_code == 200
    assert api.call("DELETE", id).status_code == 204
    gone = api.call("GET", id)
    assert (gone.status_code, gone.json()["error"]["message"][:38]) == (404, "There is no autoscale setting by-cpu.\n")


def test_one_without_profiles_switches_off_what_is_there(api: InProcessApi) -> None:
    """As Azure's page on autoscaling endpoints does."""
    id, off = api.workspace.autoscale_setting("by-cpu"), body(api, enabled=False)
    del off["properties"]["profiles"]
    assert refusal(api, off)[0] == "properties.profiles"
    made = api.call("PUT", id, body(api)).json()["properties"]["profiles"]
    after = api.call("PUT", id, off).json()["properties"]
    assert (after["enabled"], after["profiles"]) == (False, made)


def test_numbers_may_be_numbers_and_the_sample_of_the_weekend_is_taken(api: InProcessApi) -> None:
    given = body(api)
    schedule = {"timeZone": "Pacific Standard Time", "days": ["saturday", "Sunday"], "hours": [], "minutes": []}
    weekend = {
        "name": "weekend",
        "capacity": {"minimum": 2, "maximum": 2, "default": 2},
        "recurrence": {"frequency": "Week", "schedule": schedule},
    }
    date = {"timeZone": "UTC", "start": "2027-12-26T00:00:00", "end": "2027-12-26T23:59:00"}
    event = {**weekend, "name": "event", "recurrence": None, "fixedDate": date}
    given["properties"]["profiles"] += [weekend, event]
    answer = api.call("PUT", api.workspace.autoscale_setting("by-cpu"), given)
    assert answer.status_code == 201, answer.text
    _, second, third = answer.json()["properties"]["profiles"]
    assert second["capacity"] == {"minimum": "2", "maximum": "2", "default": "2"}
    assert second["recurrence"]["schedule"] == {**schedule, "days": ["Saturday", "Sunday"]}
    assert (third["fixedDate"], third["rules"]) == (date, [])


@pytest.mark.parametrize(
    ("path", "value", "target", "words"),
    [
        ("targetResourceUri", "/subscriptions/x", "properties.targetResourceUri", "no online deployment"),
        ("predictiveAutoscalePolicy", {"scaleMode": "Enabled"}, ".scaleMode", "nothing is predicted"),
        ("profiles", [], "profiles", ""),
        ("profiles.0.capacity.default", "7", ".capacity", "minimum ≤ default ≤ maximum"),
        ("profiles.0.capacity.minimum", "0", "", "greater than or equal to 1"),
        ("profiles.0.rules.0.metricTrigger.metricName", "Percentage CPU", ".metricName", "DiskUtilization"),
        ("profiles.0.rules.0.metricTrigger.metricResourceUri", "/x", ".metricResourceUri", "nor its endpoint"),
        ("profiles.0.rules.0.metricTrigger.metricNamespace", "x", ".metricNamespace", "no metrics"),
        ("profiles.0.rules.0.metricTrigger.dimensions", [{"a": 1}], ".dimensions", "no dimensions"),
        ("profiles.0.rules.0.metricTrigger.statistic", "Sum", ".statistic", "Average, Min, Max."),
        ("profiles.0.rules.0.metricTrigger.timeAggregation", "Count", ".timeAggregation", "Last."),
        ("profiles.0.rules.0.metricTrigger.timeGrain", "PT30S", ".timeGrain", "from PT1M to PT12H"),
        ("profiles.0.rules.0.metricTrigger.timeWindow", "PT4M", ".timeWindow", "from PT5M to PT12H"),
        ("profiles.0.rules.0.metricTrigger.timeWindow", "PT5M30S", ".timeWindow", "in steps of PT1M"),
        ("profiles.0.rules.0.metricTrigger.operator", "Above", "", "GreaterThan"),
        ("profiles.0.rules.0.scaleAction.type", "ServiceAllowedNextValue", ".type", "ExactCount"),
        ("profiles.0.rules.0.scaleAction.cooldown", "PT30S", ".cooldown", "from PT1M"),
        ("profiles.0.rules.0.scaleAction.value", "0", "", "greater than or equal to 1"),
        ("profiles.0.recurrence", {"frequency": "Day", "schedule": {"timeZone": "UTC", "days": ["Monday"]}},
         ".frequency", "It is Week"),
        ("profiles.0.recurrence", {"frequency": "Week", "schedule": {"timeZone": "Mars", "days": ["Monday"]}},
         ".timeZone", "W. Europe Standard Time"),
        ("profiles.0.recurrence", {"frequency": "Week", "schedule": {"timeZone": "UTC", "days": ["Mon"]}},
         ".days", "Monday"),
        ("profiles.0.fixedDate", {"start": "tomorrow", "end": "2027-01-01T00:00:00"}, ".fixedDate", "no date"),
        ("profiles.0.fixedDate", {"start": "2027-01-01T00:00:00", "end": "2026-01-01T00:00:00"}, ".end", "after start"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_place(
    api: InProcessApi, path: str, value: Any, target: str, words: str
) -> None:
    given = body(api)
    *parents, last = path.split(".")
    place: Any = given["properties"]
    for each in parents:
        place = place[int(each) if each.isdigit() else each]
    place[last] = value
    told, message = refusal(api, given)
    assert told.endswith(target)
    assert words in message


def test_a_date_may_be_the_last_one_that_there_is(api: InProcessApi) -> None:
    given = body(api)
    given["properties"]["profiles"][0]["fixedDate"] = {"start": "9999-12-31T00:00:00", "end": "9999-12-31T12:00:00"}
    answer = api.call("PUT", api.workspace.autoscale_setting("by-cpu"), given)
    assert answer.status_code == 201, answer.text


def test_an_endpoint_has_metrics_of_its_own(api: InProcessApi) -> None:
    given, endpoint = body(api), api.workspace.endpoint("chat")
    rules = given["properties"]["profiles"][0]["rules"]
    rules.append(rule(api, metricName="requestlatency_p95", metricResourceUri=endpoint.upper()))
    told = api.call("PUT", api.workspace.autoscale_setting("by-cpu"), given).json()["properties"]
    trigger = told["profiles"][0]["rules"][1]["metricTrigger"]
    assert (trigger["metricName"], trigger["metricResourceUri"]) == ("RequestLatency_P95", endpoint)
    rules[1] = rule(api, metricResourceUri=endpoint)
    assert "There is no metric 'CpuUtilizationPercentage' of an endpoint" in refusal(api, given)[1]


def test_profiles_have_names_of_their_own_and_one_default(api: InProcessApi) -> None:
    [profile] = body(api)["properties"]["profiles"]
    assert "same name" in refusal(api, body(api, profiles=[profile, profile]))[1]
    given = body(api, profiles=[profile, {**profile, "name": "another"}])
    assert "there is one default" in refusal(api, given)[1]


def test_a_deployment_has_one_setting(api: InProcessApi) -> None:
    assert api.call("PUT", api.workspace.autoscale_setting("first"), body(api)).status_code == 201
    target, message = refusal(api, body(api), status=409)
    assert target == "properties.targetResourceUri"
    assert "chat/blue has the autoscale setting first already" in message
    green = api.workspace.deployment("chat", "green")
    given = body(api, targetResourceUri=green)
    given["properties"]["profiles"][0]["rules"] = []
    assert api.call("PUT", api.workspace.autoscale_setting("by-cpu"), given).status_code == 201


def test_settings_of_its_own_and_an_autoscale_setting_exclude_each_other(api: InProcessApi) -> None:
    blue, id = "onlineEndpoints/chat/deployments/blue", api.workspace.autoscale_setting("by-cpu")
    own = {"properties": {"scaleSettings": {"scaleType": "TargetUtilization", "maxInstances": 3}}}
    assert api.call("PATCH", blue, own).status_code == 200
    target, message = refusal(api, body(api), status=409)
    assert (target, "TargetUtilization" in message) == ("properties.targetResourceUri", True)
    assert api.call("PUT", id, body(api, enabled=False)).status_code == 201, "it drives nothing"
    assert api.call("PATCH", id, {"properties": {"enabled": True}}).status_code == 409
    assert api.call("PATCH", blue, {"properties": {"scaleSettings": {"scaleType": "Default"}}}).status_code == 200
    assert api.call("PATCH", id, {"properties": {"enabled": True}}).status_code == 200
    refused = api.call("PATCH", blue, own)
    assert refused.status_code == 409
    assert refused.json()["error"]["target"] == "properties.scaleSettings"


def test_notifications_are_kept_without_what_opens_a_webhook(api: InProcessApi) -> None:
    email = {"sendToSubscriptionAdministrator": False, "customEmails": ["a@b.example"]}
    webhook = {"serviceUri": "https://u:p@hook.example/x?sig=s3cret#f", "properties": {"a": "b"}}
    given = body(api, notifications=[{"operation": "Scale", "email": email, "webhooks": [webhook]}])
    answer = api.call("PUT", api.workspace.autoscale_setting("by-cpu"), given)
    [told] = answer.json()["properties"]["notifications"]
    assert (told["operation"], told["email"]) == ("Scale", email)
    assert told["webhooks"][0]["properties"] == {"a": "b"}
    assert told["webhooks"][0]["serviceUri"].startswith("https://hook.example/x?")
    with api.store.reading() as tx:
        assert "s3cret" not in repr(tx.audit())


def test_a_webhook_is_a_url(api: InProcessApi) -> None:
    target, _ = refusal(api, body(api, notifications=[{"webhooks": [{"serviceUri": "http://["}]}]))
    assert target == "properties.notifications[0].webhooks"


@pytest.mark.parametrize("drives", [True, False])
def test_the_number_that_it_had_is_another_one_once_the_setting_is_gone(api: InProcessApi, drives: bool) -> None:
    """One was asked for, and a setting made four of it. A PUT that asks for one again leaves that to a setting that
    drives it, and is taken at its word after that."""
    id, setting = api.workspace.deployment("chat", "blue"), api.workspace.autoscale_setting("by-cpu")
    scaled = Scaled(4, asked=1, setting=setting if drives else "", kept=not drives)
    with api.store.transaction() as tx:
        before = tx.get(Kind.DEPLOYMENT, id)
        assert tx.put_status(id, replace(before.status, scaled=scaled), generation=before.generation)
    shown = api.call("GET", id).json()
    assert shown["sku"]["capacity"] == 4
    assert shown["properties"]["scaling"] == ({"autoscaleSetting": setting} if drives else {})
    again = {"properties": {"model": before.spec.model}, "sku": {"name": "Default", "capacity": 1}}
    assert api.call("PUT", id, again).is_success
    with api.store.reading() as tx:
        assert (tx.get(Kind.DEPLOYMENT, id).generation == before.generation) is drives


@pytest.mark.parametrize("name", ["-x", "a b", "a" * 256, "ä"])
def test_names_are_limited(api: InProcessApi, name: str) -> None:
    assert api.call("PUT", api.workspace.autoscale_setting(name), body(api)).status_code == 400


def test_who_changes_what_another_has_changed_is_told(api: InProcessApi) -> None:
    id = api.workspace.autoscale_setting("by-cpu")
    first = api.call("PUT", id, body(api)).headers["ETag"]
    assert api.call("PATCH", id, {"tags": {"a": "b"}}, headers={"If-Match": first}).status_code == 200
    for method, given in (("PUT", body(api)), ("PATCH", {"tags": {}}), ("DELETE", None)):
        assert api.call(method, id, given, headers={"If-Match": first}).status_code == 412, method
    assert api.call("PUT", id, body(api), headers={"If-None-Match": "*"}).status_code == 412


def test_roles_say_who_may(api: InProcessApi) -> None:
    """As in Azure: the resource group's contributors, and not those who work in the workspace."""
    id, group = api.workspace.autoscale_setting("by-cpu"), api.workspace.group_path
    ada = made(api)
    assert assign(api, ada.object_id, DATA_SCIENTIST, api.workspace.path).status_code == 201
    refused = api.call("PUT", id, body(api), token=api.token(ada))
    assert refused.status_code == 403
    for word in ("Microsoft.Insights/autoscaleSettings/write", 'role assignment create --role "Contributor"', group):
        assert word in refused.json()["error"]["message"]
    assert assign(api, ada.object_id, READER, group).status_code == 201
    assert api.call("GET", id.rpartition("/")[0], token=api.token(ada)).status_code == 200
    assert api.call("DELETE", id, token=api.token(ada)).status_code == 403
    assert assign(api, ada.object_id, CONTRIBUTOR, group).status_code == 201
    assert api.call("PUT", id, body(api), token=api.token(ada)).status_code == 201
    assert api.call("DELETE", id, token=api.token(ada)).status_code == 200
