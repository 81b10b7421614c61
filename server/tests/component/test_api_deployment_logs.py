"""Logs as they are written, over a real connection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.api import deployment_logs
from flowstead.resources.built_in_roles import CONTRIBUTOR, READER
from flowstead.store.records import Kind, Revision
from flowstead.testing.in_process_api import InProcessApi
from flowstead.testing.served_api import ServedApi

FLOW = "inputs: {}\noutputs: {}\nnodes: []\n"
PATH = "onlineEndpoints/chat/deployments/blue"
SECRET = "tell-nobody-of-this"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ServedApi]:
    with ServedApi(tmp_path) as world:
        world.call("PUT", "onlineEndpoints/chat", {"properties": {"authMode": "Key"}})
        uri = world.upload({"flow.dag.yaml": FLOW})
        model = world.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": uri}}).json()["id"]
        body = {"properties": {"model": model, "environmentVariables": {"API_KEY": SECRET}}}
        world.call("PUT", PATH, body)
        folder(world).mkdir(parents=True)
        yield world


def folder(api: InProcessApi) -> Path:
    return api.home.logs / "endpoints" / "chat" / "blue"


def write(api: InProcessApi, text: str, name: str = "i1") -> None:
    with (folder(api) / f"{name}.log").open("a") as log:
        log.write(text)


@contextmanager
def following(api: ServedApi, query: str = "", token: str = "") -> Iterator[Iterator[dict[str, Any]]]:
    headers = {"Authorization": f"Bearer {token or api.token()}"}
    url = f"{api.url}{api.workspace.path}/{PATH}/followLogs{query}"
    with httpx.Client(timeout=20) as client, client.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        prefix = "data: "
        yield (json.loads(line.removeprefix(prefix)) for line in answer.iter_lines() if line.startswith(prefix))


def test_the_last_lines_and_then_each_that_is_written(api: ServedApi) -> None:
    write(api, "old\nlast\n")
    with following(api, "?tail=1") as events:
        assert next(events) == {"log": "i1", "lines": ["last"]}
        write(api, "one\n<two>\x1b[0m\n")
        assert next(events) == {"log": "i1", "lines": ["one", "<two>\x1b[0m"]}
        write(api, "of another\n", "i2")
        assert next(events) == {"log": "i2", "lines": ["of another"]}


def test_the_other_container_tells_of_the_environment(api: ServedApi) -> None:
    write(api, "of an instance\n")
    write(api, "resolved 3 packages\n", "storage-initializer")
    with following(api, "?containerType=storageinitializer") as events:
        assert next(events) == {"log": "storage-initializer", "lines": ["resolved 3 packages"]}


def test_no_secret_of_the_deployment_is_told_nor_one_that_is_new(api: ServedApi) -> None:
    write(api, f"I am {SECRET}.\n")
    with following(api) as events:
        assert next(events)["lines"] == ["I am ***."]
        changed = api.call("PATCH", PATH, {"properties": {"environmentVariables": {"API_KEY": "another-secret"}}})
        assert changed.status_code == 200
        write(api, "I am another-secret.\n")
        assert next(events)["lines"] == ["I am ***."]


def test_nor_one_of_a_revision_that_is_kept(api: ServedApi) -> None:
    with api.store.transaction() as tx:
        record = tx.get(Kind.DEPLOYMENT, api.workspace.deployment("chat", "blue"))
        tx.keep_revision(record.id, Revision("a", record.spec, "0" * 64, tx.instance_secrets(record)))
    changed = api.call("PATCH", PATH, {"properties": {"environmentVariables": {"API_KEY": "another-secret"}}})
    assert changed.status_code == 200
    write(api, f"I was {SECRET}.\nI am another-secret.\n")
    with following(api) as events:
        assert next(events)["lines"] == ["I was ***.", "I am ***."]
    assert api.call("POST", f"{PATH}/getLogs").json()["content"] == "I was ***.\nI am ***.\n"


def test_it_ends_with_the_deployment(api: ServedApi) -> None:
    with following(api) as events:
        with api.store.transaction() as tx:
            tx.remove(api.workspace.deployment("chat", "blue"))
        assert list(events) == []


def test_it_ends_when_the_reader_may_no_longer_read(api: ServedApi) -> None:
    reader = api.granted(api.stranger(), CONTRIBUTOR)
    write(api, "first\n")
    with following(api, token=api.token(reader)) as events:
        assert next(events)["lines"] == ["first"]
        with api.store.reading() as tx:
            [grant] = [each for each in tx.list(Kind.ROLE_ASSIGNMENT) if each.spec.principal_id == reader.object_id]
        with api.store.transaction() as tx:
            tx.remove(grant.id)
        assert list(events) == []


def test_a_quiet_stream_says_that_it_lives(api: ServedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment_logs, "_HEARTBEAT_S", 0.01)
    headers = {"Authorization": f"Bearer {api.token()}"}
    url = f"{api.url}{api.workspace.path}/{PATH}/followLogs"
    with httpx.Client(timeout=20) as client, client.stream("GET", url, headers=headers) as answer:
        assert next(line for line in answer.iter_lines() if line.startswith(":")) == ": alive"


@pytest.mark.parametrize(
    ("query", "status"), [("?containerType=Other", 400), ("?tail=-1", 400), ("?tail=5001", 400), ("", 403)]
)
def test_what_is_refused(api: ServedApi, query: str, status: int) -> None:
    token = api.token(api.granted(api.stranger(), READER)) if status == 403 else api.token()
    assert api.call("GET", f"{PATH}/followLogs{query}", token=token).status_code == status


def test_one_instance_alone(api: ServedApi) -> None:
    write(api, "first\n", "i1")
    write(api, "second\n", "i2")
    with following(api, "?instanceId=i2") as told:
        assert next(told) == {"log": "i2", "lines": ["second"]}
        write(api, "not this\n", "i1")
        write(api, "third\n", "i2")
        assert next(told) == {"log": "i2", "lines": ["third"]}
    content = api.call("POST", f"{PATH}/getLogs", {"instanceId": "i1"}).json()["content"]
    assert content == "first\nnot this\n"
