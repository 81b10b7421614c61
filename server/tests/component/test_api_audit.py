"""Audit records: each change with who, what, before, after and outcome; nobody can change them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from flowstead.resources.endpoint import ProvisioningState
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.in_process_api import InProcessApi

BODY = {"location": "local", "properties": {"authMode": "Key", "description": "first"}}
CHANGED = {"location": "local", "properties": {"authMode": "Key", "description": "second"}}


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def api(tmp_path: Path, clock: FrozenClock) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path, clock=clock) as api:
        yield api


def records(api: InProcessApi, **query: str) -> list[dict[str, Any]]:
    answer = api.call("GET", "auditRecords", params=query)
    assert answer.status_code == 200, answer.text
    return [each["properties"] for each in answer.json()["value"]]


def test_a_change_says_who_what_before_after_and_how_it_ended(api: InProcessApi) -> None:
    put = api.call("PUT", "onlineEndpoints/chat", BODY)
    [record] = records(api, action="create", resource="onlineEndpoints")
    owner = api.store.principals.owner()
    assert owner is not None
    assert record["principal"] == owner.name
    assert record["principalId"] == owner.object_id
    assert record["requestId"] == put.headers["x-ms-request-id"]
    assert record["operationId"] in put.headers["Azure-AsyncOperation"]
    assert record["outcome"] == "InProgress"
    assert (record["before"], record["after"]["description"]) == (None, "first")
    api.settle()
    assert records(api, action="create", resource="onlineEndpoints")[0]["outcome"] == "Succeeded"

    api.call("PUT", "onlineEndpoints/chat", CHANGED)
    error = {"code": "GatewayUpdateFailed", "message": "It did not."}
    api.settle(ProvisioningState.FAILED, error=error)
    [record] = records(api, action="update")
    assert (record["before"]["description"], record["after"]["description"]) == ("first", "second")
    assert (record["outcome"], record["error"]) == ("Failed", error)


def test_a_change_that_another_one_overtakes_is_canceled(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/chat", BODY)
    api.call("PUT", "onlineEndpoints/chat", CHANGED)
    api.settle()
    outcomes = [(each["action"], each["outcome"]) for each in records(api, resource="onlineEndpoints/chat")]
    assert [each for each in outcomes if each[0] != "putSecret"] == [("update", "Succeeded"), ("create", "Canceled")]


def test_what_was_refused_leaves_no_record(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/chat", BODY)
    before = records(api)
    assert api.call("PUT", "onlineEndpoints/chat", CHANGED, headers={"If-Match": '"other"'}).status_code == 412
    assert api.call("PUT", "onlineEndpoints/chat", CHANGED, token=api.token(api.stranger())).status_code == 403
    assert api.call("PUT", "onlineEndpoints/no", CHANGED).status_code == 400
    assert records(api) == before


def test_the_same_again_changes_nothing_and_leaves_no_record(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/chat", BODY)
    before = records(api)
    api.call("PUT", "onlineEndpoints/chat", BODY)
    assert records(api) == before


def test_no_record_holds_a_key(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/chat", BODY)
    api.call("POST", "onlineEndpoints/chat/regenerateKeys", {"keyType": "Primary", "keyValue": "k" * 40})
    keys = api.call("POST", "onlineEndpoints/chat/listKeys").json()
    text = api.call("GET", "auditRecords").text
    assert "putSecret" in text
    assert keys["primaryKey"] == "k" * 40
    assert not any(key in text for key in keys.values())


def test_records_are_found_by_resource_principal_action_and_time(api: InProcessApi, clock: FrozenClock) -> None:
    api.call("PUT", "onlineEndpoints/chat", BODY)
    api.call("PUT", "onlineEndpoints/chat-2", BODY)
    then = clock.now() + timedelta(minutes=30)
    clock.advance(3600)
    api.call("PUT", "onlineEndpoints/chat", CHANGED)
    assert {each["resourceId"].rpartition("/")[2] for each in records(api, resource="OnlineEndpoints/CHAT")} == {"chat"}
    full = f"{api.workspace.path}/onlineEndpoints/chat-2"
    assert {each["resourceId"] for each in records(api, resource=full)} == {full}
    assert [each["action"] for each in records(api, since=then.isoformat())] == ["update"]
    assert "update" not in {each["action"] for each in records(api, until=then.isoformat())}
    assert records(api, action="UPDATE", principal="nobody") == []
    owner = api.store.principals.owner()
    assert owner is not None
    # Each endpoint is made with two keys, and its identity with three roles.
    assert len(records(api, principal=owner.object_id)) == len(records(api, principal=owner.name)) == 13


def test_pages_are_walked_by_their_links_while_more_is_written(api: InProcessApi) -> None:
    for count in range(4):
        api.call("PUT", f"onlineEndpoints/chat-{count}", BODY)
    wanted = [each["name"] for each in api.call("GET", "auditRecords").json()["value"]]
    walked: list[str] = []
    path = f"{api.workspace.path}/auditRecords?$top=5"
    while path:
        answer = api.call("GET", path).json()
        walked += [each["name"] for each in answer["value"]]
        api.call("PUT", "onlineEndpoints/chat-0", {**BODY, "tags": {"n": str(len(walked))}})
        link = urlsplit(answer.get("nextLink", ""))
        path = f"{link.path}?{link.query}" if link.path else ""
    assert walked == wanted


@pytest.mark.parametrize(
    "query", [{"since": "yesterday"}, {"$skipToken": "x"}, {"$top": "0"}, {"until": "9999-12-31T23:59:59-23:00"}]
)
def test_a_query_that_makes_no_sense_is_refused(api: InProcessApi, query: dict[str, str]) -> None:
    answer = api.call("GET", "auditRecords", params=query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadArgument")


def test_a_record_is_shown_by_its_number(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/chat", BODY)
    [*_, first] = api.call("GET", "auditRecords").json()["value"]
    assert api.call("GET", first["id"]).json() == first
    for unknown in ("999", "x", "9" * 40):
        assert api.call("GET", f"auditRecords/{unknown}").status_code == 404


def test_no_route_changes_a_record(api: InProcessApi) -> None:
    document = api.call("GET", "/openapi.json", token=None).json()
    methods = {method for path, item in document["paths"].items() if "/auditRecords" in path for method in item}
    assert methods == {"get"}
    api.call("PUT", "onlineEndpoints/chat", BODY)
    before = api.call("GET", "auditRecords").json()
    for method in ("PUT", "PATCH", "POST", "DELETE"):
        assert api.call(method, "auditRecords/1", {}).status_code == 405
        assert api.call(method, "auditRecords", {}).status_code == 405
    assert api.call("GET", "auditRecords").json() == before


def test_who_may_not_read_them_sees_none(api: InProcessApi) -> None:
    assert api.call("GET", "auditRecords", token=api.token(api.stranger())).status_code == 403
    assert api.call("GET", "auditRecords", token=None).status_code == 401


def test_records_are_found_by_outcome(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/chat", BODY)
    [running] = records(api, outcome="inprogress")
    assert (running["action"], running["outcome"]) == ("create", "InProgress")
    api.settle(ProvisioningState.FAILED, error={"code": "GatewayUpdateFailed", "message": "It did not."})
    assert [each["action"] for each in records(api, outcome="Failed")] == ["create"]
    assert records(api, outcome="InProgress") == []
