"""Server-sent events over a real connection, and notifications."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.api import event_feed, events
from flowstead.errors import Unauthorized
from flowstead.resources.built_in_roles import READER
from flowstead.resources.principal import Principal
from flowstead.resources.role import ML, RoleSpec
from flowstead.store import journal
from flowstead.store.records import Kind
from flowstead.testing.in_process_api import InProcessApi
from flowstead.testing.served_api import ServedApi

FOLLOWS = "00000000-0000-0000-0000-00000000f011"
BODY = {"location": "local", "properties": {"authMode": "Key"}}


@dataclass
class Stream:
    """What has come so far. id: of the last event."""

    lines: Iterator[str]
    id: str = ""
    seen: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def until(self, type: str, **wanted: Any) -> dict[str, Any]:
        """The next event of that type with these values; the connection's time-out bounds the wait."""
        name = ""
        for line in self.lines:
            key, _, value = line.partition(": ")
            if key == "id":
                self.id = value
            elif key == "event":
                name = value
            elif key == "data":
                data = json.loads(value)
                self.seen.append((name, data))
                if name == type and wanted.items() <= data.items():
                    return dict(data)
        raise AssertionError(f"The stream has ended without {type} {wanted}.")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ServedApi]:
    with ServedApi(tmp_path) as api:
        yield api


@contextmanager
def following(api: ServedApi, last: str = "", token: str = "") -> Iterator[Stream]:
    headers = {"Authorization": f"Bearer {token or api.token()}", **({"Last-Event-ID": last} if last else {})}
    url = f"{api.url}{api.workspace.path}/events"
    with httpx.Client(timeout=20) as client, client.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines).startswith("retry:")
        stream = Stream(lines, next(lines).removeprefix("id: "))
        yield stream


def test_a_change_and_the_steps_of_its_operation_come_as_they_happen(api: ServedApi) -> None:
    with following(api) as stream:
        api.call("PUT", "onlineEndpoints/chat", BODY)
        created = stream.until("resourceChanged", change="create")
        assert created["resourceId"] == f"{api.workspace.path}/onlineEndpoints/chat"
        begun = stream.until("operationProgressed", status="InProgress")
        with api.store.transaction() as tx:
            tx.update_operation(begun["operationId"], "InstancesReady", {})
        assert stream.until("operationProgressed", phase="InstancesReady")["operationId"] == begun["operationId"]
        api.settle()
        assert stream.until("resourceChanged", change="status")["provisioningState"] == "Succeeded"
        stream.until("operationProgressed", status="Succeeded", operationId=begun["operationId"])


def test_a_stream_goes_on_where_it_was_cut_off_by_another_server_too(tmp_path: Path) -> None:
    with ServedApi(tmp_path) as api, following(api) as stream:
        api.call("PUT", "onlineEndpoints/chat", BODY)
        stream.until("resourceChanged", change="create")
        api.call("PUT", "onlineEndpoints/missed", BODY)
    with ServedApi(tmp_path) as api, following(api, stream.id) as again:
        again.until("resourceChanged", change="create", resourceId=f"{api.workspace.path}/onlineEndpoints/missed")
        # Nothing twice, nothing left out: between the two lie the keys, the operation and the roles of `chat`.
        assert {data["resourceId"].rpartition("/")[2] for _, data in again.seen} >= {"chat", "missed"}
        assert int(again.id) - int(stream.id) == len(again.seen)


def test_a_stream_that_ends_with_the_server_ends_at_once(tmp_path: Path) -> None:
    with ServedApi(tmp_path) as api, following(api) as stream:
        api.app.state.context.feed.close()
        began = time.monotonic()
        assert list(stream.lines) in ([], [""])
        assert time.monotonic() - began < 5


def test_who_missed_more_than_is_kept_is_told_to_read_anew(api: ServedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEEP_EVENTS", 9)  # less than the making of an endpoint writes, and its roles
    monkeypatch.setattr(journal, "_FORGET_EVERY", 1)
    for count in range(3):
        api.call("PUT", f"onlineEndpoints/chat-{count}", BODY)
    with api.store.reading() as tx:
        oldest, newest = tx.history.event_range()
    assert newest - oldest == 8
    for last in ("1", str(newest + 1000)):
        with following(api, last) as stream:
            stream.until("reset")
            assert stream.id == str(newest)
    with following(api, str(oldest - 1)) as stream:
        api.call("PUT", "onlineEndpoints/chat-1", {**BODY, "tags": {"a": "b"}})
        stream.until("operationProgressed")
        assert "reset" not in {name for name, _ in stream.seen}


def test_a_quiet_stream_says_that_it_lives(api: ServedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.05)
    with following(api) as stream:
        assert ": alive" in (next(stream.lines), next(stream.lines))


def test_a_stream_ends_when_its_token_does(api: ServedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def expired(_: str | None) -> Principal:
        raise Unauthorized

    monkeypatch.setattr(events, "HEARTBEAT_S", 0.05)
    with following(api) as stream:
        monkeypatch.setattr(api.access, "recognise", expired)
        for _ in stream.lines:
            continue


def test_a_hint_that_is_lost_costs_time_and_no_event(api: ServedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(event_feed.EventFeed, "told", lambda _: None)
    api.store._followers = ()
    with following(api) as stream:
        api.call("PUT", "onlineEndpoints/chat", BODY)
        stream.until("resourceChanged", change="create")


def test_the_streams_of_one_are_bounded(api: ServedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed, "MAX_OF_ONE", 1)
    with following(api):
        refused = api.call("GET", "events")
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "TooManyStreams")
    monkeypatch.setattr(event_feed, "MAX_FOLLOWERS", 0)
    assert api.call("GET", "events").status_code == 429


def test_a_place_is_free_again_when_its_caller_has_gone(api: ServedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed, "MAX_OF_ONE", 1)
    feed = api.app.state.context.feed
    with following(api):
        assert len(feed._followers) == 1
    deadline = time.monotonic() + 20
    while feed._followers:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_only_who_may_read_gets_events(api: ServedApi) -> None:
    assert api.call("GET", "events", token=None).status_code == 401
    assert api.call("GET", "events", token=api.token(api.stranger())).status_code == 403


def test_what_the_reader_may_not_read_is_left_out(api: ServedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "readable", lambda _, id: id.endswith("/seen"))
    with following(api) as stream:
        api.call("PUT", "onlineEndpoints/hidden", BODY)
        api.call("PUT", "onlineEndpoints/seen", BODY)
        stream.until("operationProgressed")
    assert {data["resourceId"].rpartition("/")[2] for _, data in stream.seen} == {"seen"}


def taken_away(api: ServedApi, principal: Principal, role: str) -> None:
    with api.store.transaction() as tx:
        for each in tx.list(Kind.ROLE_ASSIGNMENT):
            if (each.spec.principal_id, each.spec.role) == (principal.object_id, role):
                tx.remove(each.id, "test")


def test_a_stream_ends_at_once_when_its_reader_loses_the_role(api: ServedApi) -> None:
    reader = api.granted(api.stranger(), READER)
    with following(api, token=api.token(reader)) as stream:
        taken_away(api, reader, READER)
        api.call("PUT", "onlineEndpoints/secret", BODY)
        for line in stream.lines:
            assert line != ": alive", "it has ended before it would have said so"
            assert "secret" not in line


def test_a_stream_shows_what_its_reader_may_read_now(api: ServedApi) -> None:
    follows = RoleSpec("Follows", actions=(f"{ML}/workspaces/events/read",))
    with api.store.transaction() as tx:
        id = api.workspace.role_definition(FOLLOWS)
        tx.put(Kind.ROLE_DEFINITION, id, "/", FOLLOWS, follows, by="test", operation=None)
    reader = api.granted(api.granted(api.stranger(), FOLLOWS), READER)
    third = api.workspace.endpoint("third")
    with following(api, token=api.token(reader)) as stream:
        api.call("PUT", "onlineEndpoints/first", BODY)
        stream.until("operationProgressed")
        taken_away(api, reader, READER)
        api.granted(reader, READER, third)
        api.call("PUT", "onlineEndpoints/second", BODY)
        api.call("PUT", "onlineEndpoints/third", BODY)
        stream.until("resourceChanged", resourceId=third)
    assert not [data for _, data in stream.seen if data["resourceId"].endswith("/second")]


def test_an_id_that_no_event_has_is_refused(api: ServedApi) -> None:
    for id in ("x", "-1", "9" * 30):
        assert api.call("GET", "events", headers={"Last-Event-ID": id}).status_code == 400


def test_an_endpoints_creation_and_first_traffic_are_told_as_stages_of_its_first_deployment(tmp_path: Path) -> None:
    with InProcessApi(tmp_path) as api:
        api.call("PUT", "onlineEndpoints/chat", BODY)
        api.settle()
        uri = api.upload({"flow.dag.yaml": "inputs: {}\noutputs: {}\nnodes: []\n"})
        model = api.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": uri}}).json()["id"]
        api.call("PUT", "onlineEndpoints/chat/deployments/blue", {"properties": {"model": model}})
        shown = api.call("GET", "onlineEndpoints/chat").json()
        tagged = {**shown, "tags": {"team": "search"}}
        api.call("PUT", "onlineEndpoints/chat", tagged)
        traffic = {**shown["properties"], "traffic": {"blue": 100}}
        api.call("PUT", "onlineEndpoints/chat", {**tagged, "properties": traffic})
        api.call("PUT", "onlineEndpoints/chat", {**tagged, "properties": {**traffic, "traffic": {"blue": 0}}})
        api.settle()
        found = api.call("GET", "notifications").json()["value"]
    (deployment,) = [each for each in found if each["properties"]["title"] == "Prompt flow deployment chat/blue"]
    told = [(each["properties"]["title"], each["properties"].get("partOf")) for each in found if each is not deployment]
    assert told == [
        ("Updating the endpoint chat", None),
        ("Updating the endpoint chat", deployment["id"]),
        ("Updating the endpoint chat", None),
        ("Creating the endpoint chat", deployment["id"]),
    ]


def test_notifications_tell_operations_with_their_stages_newest_first(tmp_path: Path) -> None:
    with InProcessApi(tmp_path) as api:
        api.call("PUT", "onlineEndpoints/chat", BODY)
        api.settle()
        uri = api.upload({"flow.dag.yaml": "inputs: {}\noutputs: {}\nnodes: []\n"})
        model = api.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": uri}}).json()["id"]
        answer = api.call("PUT", "onlineEndpoints/chat/deployments/blue", {"properties": {"model": model}})
        assert answer.status_code == 201, answer.text
        with api.store.transaction() as tx:
            running = tx.running_operation(answer.json()["id"])
            assert running is not None
            tx.update_operation(running.id, "InstancesStarted", {"EnvironmentBuilt": 1.5, "ArtifactInPlace": 0.1})
        newest, first = (each["properties"] for each in api.call("GET", "notifications").json()["value"])
        assert newest["title"] == "Prompt flow deployment chat/blue"
        assert (newest["status"], newest["phase"], newest["percentComplete"]) == ("InProgress", "InstancesStarted", 22)
        assert [(stage["name"], stage["status"]) for stage in newest["stages"]] == [
            ("Creating an endpoint", "Succeeded"),
            ("Registering a model", "Succeeded"),
            ("Creating a deployment", "InProgress"),
        ]
        assert [sorted(stage.keys() & {"startTime", "endTime"}) for stage in newest["stages"]] == [
            ["endTime", "startTime"],
            ["endTime", "startTime"],
            ["startTime"],
        ]
        assert (first["title"], first["status"], first["percentComplete"]) == (
            "Creating the endpoint chat", "Succeeded", 100,
        )  # fmt: skip
        api.call("DELETE", "onlineEndpoints/chat")
        api.settle()
        assert (
            api.call("GET", "notifications").json()["value"][0]["properties"]["title"] == "Deleting the endpoint chat"
        )
        page = api.call("GET", "notifications", params={"count": "1"}).json()
        assert len(page["value"]) == 1
        assert page["nextLink"]
        assert api.call("GET", "notifications", token=api.token(api.stranger())).status_code == 403
