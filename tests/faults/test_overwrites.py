"""A deployment is overwritten again and again, and by code that does not work, while requests and streams go on: none
of them fails, and what does not work never serves."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.installation import FULL, Installation, eventually
from tests.rolling import FLOW, RATE, ROOM, STREAMS, Rolling
from tests.steady_traffic import OpenStreams, quantile

OVERWRITES = 50 if FULL else 5
SOON = {"initialDelay": "PT0S", "period": "PT1S", "failureThreshold": 8}
"""For what hangs: how long the start of an instance may take, seconds."""
BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    # name → (code, other properties, code of the error)
    "crashes": ("raise RuntimeError('this version is broken')\n", {}, "UserScriptInitFailed"),
    "hangs": ("import time\n\ntime.sleep(3600)\n", {"readinessProbe": SOON}, "ResourceNotReady"),
    "never-warm": (
        FLOW.replace("    return pieces", "    await asyncio.sleep(3600)\n    return pieces"),
        {"requestSettings": {**ROOM, "requestTimeout": "PT2S"}},
        "WarmCallUnanswered",
    ),
}


@pytest.fixture(scope="module")
def rolling(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rolling]:
    rolling = Rolling(flowstead, tmp_path_factory.mktemp("rolling"))
    yield rolling
    rolling.close()


def test_overwrites_under_load_fail_no_request_and_cut_no_stream(rolling: Rolling) -> None:
    took = []
    with rolling.traffic() as traffic, rolling.streams() as streams:
        traffic.passes(RATE, "traffic flows")
        for number in range(1, OVERWRITES + 1):
            began = time.monotonic()
            assert rolling.overwrite("good", VERSION=str(number)) == "Succeeded"
            took.append(time.monotonic() - began)
            assert rolling.says() == str(number)
    times = traffic.seconds("200")
    print(f"\n{OVERWRITES} overwrites at {RATE} requests/s and {STREAMS} streams: {dict(traffic.outcomes)}")
    print(
        f"streams {dict(streams.outcomes)}; an overwrite took {statistics.median(took):.1f} s, {max(took):.1f} at most"
    )
    print(f"p50 {quantile(times, 0.5) * 1000:.0f} ms, p99 {quantile(times, 0.99) * 1000:.0f} ms")
    assert set(traffic.outcomes) == {"200"}
    assert set(streams.outcomes) == {"whole"}
    newest = rolling.revisions()[0]
    assert (newest["number"], newest["state"]) == (OVERWRITES + 1, "Serving")


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_work_never_serves(rolling: Rolling, name: str) -> None:
    code, more, reason = BAD[name]
    rolling.model(name, code)
    assert rolling.overwrite("good", VERSION="kept") == "Succeeded"
    with rolling.traffic() as traffic, rolling.streams() as streams:
        traffic.passes(RATE, "traffic flows")
        assert rolling.overwrite(name, more) == "Failed"
        traffic.passes(RATE, "traffic goes on")
    assert set(traffic.outcomes) == {"200"}
    assert set(streams.outcomes) == {"whole"}
    assert rolling.says() == "kept"
    error = rolling.shown()["provisioningError"]
    assert error["code"] == reason
    assert "goes on serving" in error["message"]
    failed, serving, *_ = rolling.revisions()
    assert (failed["state"], failed["error"]["code"], serving["state"]) == ("Failed", reason, "Serving")


def test_a_stream_outlives_its_time_out_and_its_instance(rolling: Rolling) -> None:
    assert (
        rolling.overwrite("good", {"requestSettings": {**ROOM, "requestTimeout": "PT1S"}}, VERSION="old") == "Succeeded"
    )
    with OpenStreams(rolling.url, rolling.key, 1, body={"text": "long stream"}) as streams:
        eventually("it has begun", lambda: streams.begun)
        assert rolling.overwrite("good", VERSION="new") == "Succeeded"
        assert rolling.says() == "new"
    assert set(streams.outcomes) == {"whole"}
