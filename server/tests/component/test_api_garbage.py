"""What nothing uses is found and removed; what is in use, or was just made, never."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from flowstead.api.daily_collection import DailyCollection
from flowstead.engines.protocol import InstanceState, ObservedInstance
from flowstead.environments.protocol import EnvironmentRequest
from flowstead.environments.uv_environments import UvEnvironments
from flowstead.resources.clock import SystemClock
from flowstead.resources.home import Home
from flowstead.store.journal import Journal
from flowstead.store.records import AuditRecord, Kind
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.in_process_api import InProcessApi

FLOW: dict[str, str | bytes] = {"flow.dag.yaml": "inputs: {}\noutputs: {}\nnodes: []\n"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    home = Home(tmp_path)
    home.create()
    environments = UvEnvironments(home)
    with InProcessApi(tmp_path, environments=environments) as api:
        yield api
    environments.close()


class Killed(BaseException):
    """What no code catches, as nothing goes on in a process that is killed."""


def age(path: Path, days: float) -> None:
    """It, and all below it, was written so long ago."""
    then = (SystemClock().now() - timedelta(days=days)).timestamp()
    for each in (path, *path.rglob("*")):
        os.utime(each, (then, then))


def collect(api: InProcessApi, *, dry_run: bool = False) -> list[tuple[str, str]]:
    answer = api.call("POST", "garbagecollection", params={"dryRun": str(dry_run).lower()})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["value"]
    assert answer.json()["bytes"] == sum(each["size"] for each in found)
    return [(each["kind"], each["name"]) for each in found]


def collected(api: InProcessApi) -> list[tuple[str, str]]:
    """A dry run says the same as what is then done, and changes nothing."""
    files = sorted(str(each) for each in api.home.root.rglob("*"))
    planned = collect(api, dry_run=True)
    assert sorted(str(each) for each in api.home.root.rglob("*")) == files
    assert collect(api) == planned
    assert collect(api) == []
    return planned


def test_uploads_go_after_a_day_whether_they_were_registered_or_not(api: InProcessApi) -> None:
    uri = api.upload(FLOW, place="LocalUpload/aa/flow")
    api.upload(FLOW, place="LocalUpload/bb/flow")
    model = api.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": uri}}).json()
    assert collected(api) == []
    age(api.uploads, 2)
    assert sorted(collected(api)) == [
        ("upload", f"{api.uploads.name}/LocalUpload/aa/flow/flow.dag.yaml"),
        ("upload", f"{api.uploads.name}/LocalUpload/bb/flow/flow.dag.yaml"),
    ]
    assert (api.home.models / model["properties"]["contentHash"] / "flow.dag.yaml").is_file()


def test_what_a_data_asset_reads_in_place_stays_and_so_does_what_was_collected(api: InProcessApi) -> None:
    kept = api.home.uploads / "azureml-blobstore" / "modelDataCollector" / "chat" / "blue" / "model_inputs" / "x.jsonl"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}\n")
    age(api.home.uploads / "azureml-blobstore", 100)
    assert collected(api) == []
    assert kept.exists()


def test_content_goes_with_the_last_version_that_refers_to_it(api: InProcessApi) -> None:
    uri = api.upload(FLOW)
    body = {"properties": {"modelUri": uri}}
    made = [api.call("PUT", f"models/flow/versions/{version}", body).json() for version in "12"]
    hashes = [each["properties"]["contentHash"] for each in made]
    assert hashes[0] == hashes[1]
    api.call("DELETE", "models/flow/versions/1")
    assert collected(api) == []
    api.call("DELETE", "models/flow/versions/2")
    assert collected(api) == [("content", hashes[0])]


def test_an_environment_goes_when_nobody_has_asked_for_it_and_no_instance_runs_by_it(api: InProcessApi) -> None:
    environments: Any = api.environments
    key = environments.key(EnvironmentRequest("asked-for"))
    for name in (key, "0running", "0unused", "0new"):
        (api.home.environments / name / "venv" / "bin").mkdir(parents=True)
        (api.home.environments / name / "venv" / "big").write_bytes(b"x" * 1000)
        if name != "0new":
            age(api.home.environments / name, 3)
    # A build that fails at once is enough to have asked.
    environments._asked_for[key] = 0.0
    instance = ObservedInstance(
        id="i", endpoint="chat", deployment="blue", deployment_uid="u", revision="r", state=InstanceState.READY,
        address="", health_address="", log=Path("x"), python=api.home.environments / "0running/venv/bin/python",
    )  # fmt: skip
    api.instances.post([instance])
    assert collected(api) == [], "the reconciler has not asked for all yet"
    api.instances.post([instance])
    assert collected(api) == [("environment", "0unused")]
    assert sorted(each.name for each in api.home.environments.iterdir()) == sorted([key, "0running", "0new"])


def test_logs_of_what_is_long_gone_go(api: InProcessApi) -> None:
    model = api.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": api.upload(FLOW)}}).json()["id"]
    api.call("PUT", "onlineEndpoints/chat", {"properties": {"authMode": "Key"}})
    api.call("PUT", "onlineEndpoints/chat/deployments/blue", {"properties": {"model": model}})
    with api.store.reading() as tx:
        uid = tx.get(Kind.DEPLOYMENT, api.workspace.deployment("chat", "blue")).uid
    logs = api.home.logs / "endpoints"
    for name in ("chat/blue/old.log", "chat/blue/running.log", "chat/blue/storage-initializer.log", "gone/blue/i.log"):
        (logs / name).parent.mkdir(parents=True, exist_ok=True)
        (logs / name).write_text("said\n")
    age(logs, 8)
    (logs / "chat/blue/yesterday.log").write_text("said\n")
    for name in ("old.log.1", "running.log.1", "storage-initializer.log.1"):
        (logs / "chat/blue" / name).write_text("said before\n")
        os.utime(logs / "chat/blue" / name, (0, 0))
    running = ObservedInstance(
        id="running", endpoint="chat", deployment="blue", deployment_uid=uid, revision="r", state=InstanceState.READY,
        address="", health_address="", log=logs / "chat/blue/running.log",
    )  # fmt: skip
    assert collected(api) == [], "nobody knows yet what runs"
    api.instances.post([running])
    api.instances.post([running])
    assert sorted(collected(api)) == [
        ("log", "chat/blue/old.log"),
        ("log", "chat/blue/old.log.1"),
        ("log", "gone/blue/i.log"),
    ]


def test_of_a_deployment_s_dead_instances_the_last_twenty_keep_their_logs(api: InProcessApi) -> None:
    model = api.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": api.upload(FLOW)}}).json()["id"]
    api.call("PUT", "onlineEndpoints/chat", {"properties": {"authMode": "Key"}})
    for name in ("blue", "green"):
        api.call("PUT", f"onlineEndpoints/chat/deployments/{name}", {"properties": {"model": model}})
    logs, now = api.home.logs / "endpoints/chat", time.time()

    def said(name: str, seconds_ago: float) -> None:
        (logs / name).parent.mkdir(parents=True, exist_ok=True)
        (logs / name).write_text("said\n")
        os.utime(logs / name, (now - seconds_ago, now - seconds_ago))

    for number in range(22):
        said(f"blue/dead{number}.log", 100 + number)
        said(f"green/dead{number}.log", 100)
    said("blue/dead21.log.1", 9000)
    said("blue/dead0.log.1", 9000)
    said("blue/running.log", 9000)
    for name in ("storage-initializer.log", "storage-initializer-preparation.log"):
        said(f"blue/{name}", 90 * 86_400)
    (logs / "green/dead20.log").unlink()
    (logs / "green/dead21.log").unlink()
    running = ObservedInstance(
        id="running", endpoint="chat", deployment="blue", deployment_uid="u", revision="r", state=InstanceState.READY,
        address="", health_address="", log=logs / "blue/running.log",
    )  # fmt: skip
    api.instances.post([running])
    api.instances.post([running])
    found = api.call("POST", "garbageCollection?dryRun=true").json()["value"]
    assert {each["reason"] for each in found} == {"its instance is gone, and the logs of 20 that ended later are kept"}
    named = ["chat/blue/dead20.log", "chat/blue/dead21.log", "chat/blue/dead21.log.1"]
    assert sorted(each["name"] for each in found) == named
    assert sorted(name for _, name in collected(api)) == named
    assert not (logs / "blue/dead21.log.1").exists()
    assert collected(api) == []


def test_what_was_removed_is_in_the_audit_and_only_who_may_removes(api: InProcessApi) -> None:
    api.upload(FLOW)
    age(api.uploads, 2)
    assert api.call("POST", "garbageCollection", token=api.token(api.stranger())).status_code == 403
    collected(api)
    [record] = collections(api)
    assert record.detail.startswith("1 things")


def test_what_goes_is_written_down_before_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server dies in the middle of it: a record is there, and the next server says how it ended."""
    with InProcessApi(tmp_path) as api:
        api.upload(FLOW)
        age(api.uploads, 2)

        def dies(*_: object) -> bool:
            raise Killed

        monkeypatch.setattr(api.app.state.context.uploads, "remove", dies)
        monkeypatch.setattr(Journal, "conclude", dies)  # it is dead
        with pytest.raises(Killed):
            api.call("POST", "garbageCollection")
        [record] = collections(api)
        assert (record.outcome, record.by, record.detail.partition(",")[0]) == ("InProgress", "owner", "1 things")
    monkeypatch.undo()
    with InProcessApi(tmp_path) as api:
        [record] = collections(api)
        assert (record.outcome, record.detail.partition(",")[0]) == ("Failed", "1 things")
        assert record.error is not None and "ended meanwhile" in record.error["message"]
        assert len(collected(api)) == 1
        assert [each.outcome for each in collections(api)] == ["Succeeded", "Failed"]


def test_a_collection_that_fails_says_what_it_has_removed(api: InProcessApi, monkeypatch: pytest.MonkeyPatch) -> None:
    api.upload({**FLOW, "a.py": "", "b.py": ""})
    age(api.uploads, 2)
    uploads = api.app.state.context.uploads
    remove = uploads.remove

    def fails_at_b(container: str, path: str) -> bool:
        if path.endswith("b.py"):
            raise OSError("read-only")
        return bool(remove(container, path))

    monkeypatch.setattr(uploads, "remove", fails_at_b)
    assert api.call("POST", "garbageCollection").status_code == 500
    [record] = collections(api)
    assert (record.outcome, record.detail) == ("Failed", "1 things, 0 bytes")


def collections(api: InProcessApi) -> list[AuditRecord]:
    with api.store.reading() as tx:
        return [each for each in tx.audit(api.workspace.path) if each.action == "collectGarbage"]


def test_a_dry_run_says_why(api: InProcessApi) -> None:
    api.upload(FLOW)
    age(api.home.uploads, 2)
    answer = api.call("POST", "garbagecollection", params={"dryRun": "true"}).json()
    [found] = [each for each in answer["value"] if each["kind"] == "upload"]
    assert found["size"] > 0
    assert "more than a day ago" in found["reason"]


class Scripted(Random):
    """Always the middle."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def test_it_is_done_once_a_day_when_nothing_is_being_changed(tmp_path: Path) -> None:
    clock = FrozenClock()
    with InProcessApi(tmp_path, clock=clock) as api:
        daily = DailyCollection(api.app.state.context, Scripted())
        api.upload(FLOW)
        age(api.home.uploads, 1e4)
        api.call("PUT", "onlineEndpoints/busy", {"properties": {"authMode": "Key"}})  # nobody reconciles it
        clock.advance(2400)
        assert not daily.look(), "a change is under way"
        assert not daily.look()
        clock.advance(6 * 3600)
        assert daily.look(), "it has waited long enough"
        assert collect(api, dry_run=True) == []
        [record] = api.call("GET", "auditRecords", params={"action": "collectGarbage"}).json()["value"]
        assert record["properties"]["principal"] == "system"
        api.call("DELETE", "onlineEndpoints/busy")
        with api.store.transaction() as tx:
            tx.remove(api.workspace.endpoint("busy"))
        assert not daily.look()
        clock.advance(86_400 - 60)
        assert not daily.look()
        clock.advance(120)
        assert daily.look(), "nothing is under way, so it is done at once"
