"""The stream of events through the gateway, over the life of two servers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.installation import WORKSPACE, Installation


@contextmanager
def following(flowstead: Installation, last: str = "") -> Iterator[Iterator[str]]:
    headers = {"Authorization": f"Bearer {flowstead.token()}", **({"Last-Event-ID": last} if last else {})}
    url = f"{flowstead.url}{WORKSPACE}/events"
    with httpx.Client(timeout=30) as client, client.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200
        yield answer.iter_lines()


def until(lines: Iterator[str], **wanted: Any) -> str:
    """The id of the next event that says this."""
    id = ""
    for line in lines:
        key, _, value = line.partition(": ")
        if key == "id":
            id = value
        elif key == "data" and wanted.items() <= json.loads(value).items():
            return id
    raise AssertionError(f"The stream has ended without {wanted}.")


def test_a_stream_outlives_its_server_and_does_not_hold_it_up(own_flowstead: Installation) -> None:
    body = {"properties": {"authMode": "Key"}}
    first, second = (f"{WORKSPACE}/onlineEndpoints/{name}" for name in ("first", "second"))
    with following(own_flowstead) as lines:
        own_flowstead.api("PUT", "/onlineEndpoints/first", body)
        until(lines, resourceId=first, status="InProgress")
        last = until(lines, resourceId=first, status="Succeeded")
        own_flowstead.api("PUT", "/onlineEndpoints/second", body)
        began = time.monotonic()
        own_flowstead.down()
        assert time.monotonic() - began < 10, "the server waited for the stream"
    own_flowstead.up()
    with following(own_flowstead, last) as lines:
        until(lines, resourceId=second, change="create")
        until(lines, resourceId=second, status="Succeeded")
    notifications = own_flowstead.api("GET", "/notifications").json()["value"]
    assert [each["properties"]["title"] for each in notifications] == [
        "Creating the endpoint second", "Creating the endpoint first",
    ]  # fmt: skip
