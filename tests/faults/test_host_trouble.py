"""A disk that fills up and a database that somebody keeps locked, under the whole product: traffic goes on, what was
acknowledged is carried out, the rest is refused in clear words, and it is over when it is over."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.installation import FULL, WORKSPACE, Installation, eventually, write_flow
from tests.small_disks import mounted
from tests.steady_traffic import Traffic

TALKS = """\
from promptflow.core import tool


@tool
def say(text: str) -> str:
    print("x" * 2000)
    return f"you said {text}"
"""
MOMENTS_S = (0.0, 0.3, 0.6, 1.0, 1.5, 2.0, 3.0, 4.0) if FULL else (0.5,)
"""After the request, when the disk is full."""
LARGE_BYTES = 16 * 1024 * 1024
"""More than becomes free by itself, as when an instance has ended."""
FULL_S = 25.0 if FULL else 3.0
LOCKED_S = 30.0 if FULL else 8.0
ANSWERED_WITHIN_S = 15.0
DONE_WITHIN_S = 90
KEY: dict[str, Any] = {"properties": {"authMode": "Key"}}
pytestmark = pytest.mark.timeout(1200 if FULL else 300)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "1g") as disk:
        yield disk


@pytest.fixture
def on_small_disk(small_disk: Path) -> Iterator[Installation]:
    installation = Installation(small_disk / "home")
    installation.up()
    yield installation
    installation.down()


def test_a_disk_that_is_full_at_any_moment(on_small_disk: Installation, small_disk: Path, tmp_path: Path) -> None:
    flowstead = on_small_disk
    model = _registered(flowstead, "1", tmp_path / "flow")
    _created(flowstead, "talks", model)
    key = flowstead.keys("talks")["primaryKey"]
    late = write_flow(tmp_path / "late", TALKS)
    (late / "large").write_bytes(os.urandom(LARGE_BYTES))
    with Traffic(f"{flowstead.url}/endpoints/talks/score", key) as traffic:
        for number, moment in enumerate(MOMENTS_S):
            traffic.passes(20, "traffic flows")
            acknowledged = [
                _put(flowstead, "/onlineEndpoints/talks/deployments/blue", _body(model, VARIANT=str(number))),
                _put(flowstead, f"/onlineEndpoints/talks/deployments/other-{number}", _body(model)),
            ]
            time.sleep(moment)
            with _full(small_disk):
                began = time.monotonic()
                refused = [_try(flowstead, f"/onlineEndpoints/more-{number}-{n}") for n in range(4)]
                asked = time.monotonic() - began
                upload = flowstead.run("model", "create", "--name", "late", "--path", str(late), check=False)
                assert upload.returncode != 0
                assert "disk" in upload.stderr.lower(), upload.stderr
                time.sleep(max(0.0, FULL_S - (time.monotonic() - began)))
            freed = time.monotonic()
            assert all(code in (201, 507) for code, _ in refused), refused
            assert all("DiskFull" in text for code, text in refused if code == 507)
            for url in acknowledged:
                assert _how_it_ended(flowstead, url) == "Succeeded"
            again = flowstead.api("PUT", f"/onlineEndpoints/after-{number}", KEY)
            assert again.status_code == 201, again.text
            print(
                f"\nfull {moment:.1f} s after the request, for {FULL_S:.0f} s: four changes answered in {asked:.1f} s "
                f"({[code for code, _ in refused]}), all acknowledged ones done {time.monotonic() - freed:.1f} s after"
            )
            flowstead.api("DELETE", f"/onlineEndpoints/talks/deployments/other-{number}").raise_for_status()
    assert set(traffic.outcomes) == {"200"}, traffic.outcomes


def test_an_up_on_a_full_disk_says_so(on_small_disk: Installation, small_disk: Path) -> None:
    on_small_disk.down()
    with _full(small_disk):
        done = on_small_disk.run("up", "--detach", check=False)
        assert done.returncode != 0
        assert "disk is full" in done.stderr, done.stderr
    on_small_disk.up()


def test_a_database_that_another_process_keeps_locked(own_flowstead: Installation, tmp_path: Path) -> None:
    flowstead = own_flowstead
    model = _registered(flowstead, "1", tmp_path / "flow")
    _created(flowstead, "talks", model)
    key = flowstead.keys("talks")["primaryKey"]
    with Traffic(f"{flowstead.url}/endpoints/talks/score", key) as traffic:
        traffic.passes(20, "traffic flows")
        acknowledged = _put(flowstead, "/onlineEndpoints/talks/deployments/blue", _body(model, VARIANT="1"))
        other = sqlite3.connect(flowstead.home / "flowstead.db", isolation_level=None, timeout=30)
        other.execute("BEGIN EXCLUSIVE")
        locked = time.monotonic()
        answers = []
        while time.monotonic() - locked < LOCKED_S:
            began = time.monotonic()
            answer = flowstead.api("PUT", "/onlineEndpoints/during", KEY)
            answers.append((answer.status_code, time.monotonic() - began))
            assert answer.status_code == 503, answer.text
            assert answer.json()["error"]["code"] == "DatabaseBusy"
            assert int(answer.headers["Retry-After"]) > 0
        assert flowstead.api("GET", "/onlineEndpoints/talks").status_code == 200
        other.execute("ROLLBACK")
        other.close()
        freed = time.monotonic()
        assert _how_it_ended(flowstead, acknowledged) == "Succeeded"
        took = time.monotonic() - freed
        assert flowstead.api("PUT", "/onlineEndpoints/during", KEY).status_code == 201
    longest = max(seconds for _, seconds in answers)
    refused = f"{len(answers)} changes refused, each within {longest:.1f} s"
    print(f"\nlocked for {LOCKED_S:.0f} s: {refused}; all acknowledged ones done {took:.1f} s after")
    assert longest < ANSWERED_WITHIN_S
    assert set(traffic.outcomes) == {"200"}, traffic.outcomes


@contextmanager
def _full(disk: Path) -> Iterator[None]:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    try:
        yield
    finally:
        filler.unlink()


def _registered(flowstead: Installation, version: str, folder: Path) -> str:
    flow = write_flow(folder, TALKS)
    flowstead.run("model", "create", "--name", "talks", "--version", version, "--path", str(flow))
    return f"{WORKSPACE}/models/talks/versions/{version}"


def _body(model: str, **variables: str) -> dict[str, Any]:
    return {"properties": {"model": model, "environmentVariables": variables}}


def _created(flowstead: Installation, endpoint: str, model: str) -> None:
    flowstead.api("PUT", f"/onlineEndpoints/{endpoint}", KEY).raise_for_status()
    url = _put(flowstead, f"/onlineEndpoints/{endpoint}/deployments/blue", _body(model))
    assert _how_it_ended(flowstead, url) == "Succeeded"
    split = {"properties": {"authMode": "Key", "traffic": {"blue": 100}}}
    flowstead.api("PUT", f"/onlineEndpoints/{endpoint}", split).raise_for_status()
    key = flowstead.keys(endpoint)["primaryKey"]
    eventually("it answers", lambda: flowstead.score(endpoint, {"text": "x"}, key).status_code == 200)


def _put(flowstead: Installation, path: str, body: Any) -> str:
    """Where to ask for how it ends."""
    answer = flowstead.api("PUT", path, body)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.headers["Azure-AsyncOperation"])


def _try(flowstead: Installation, path: str) -> tuple[int, str]:
    answer = flowstead.api("PUT", path, {**KEY, "tags": {"long": "x" * 200_000}})
    return answer.status_code, answer.text


def _how_it_ended(flowstead: Installation, url: str) -> str:
    ended = eventually("it ends", lambda: _ended(flowstead, url), within=DONE_WITHIN_S)
    print(ended.get("error", ""))
    return str(ended["status"])


def _ended(flowstead: Installation, url: str) -> dict[str, Any] | None:
    with flowstead.client() as client:
        status: dict[str, Any] = client.get(url).json()
    return None if status["status"] == "InProgress" else status
