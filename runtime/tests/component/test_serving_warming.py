"""The warm call of an instance, in a process of its own: before it is ready, once, and what it comes to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.serving.exit_codes import WARM_CALL_UNANSWERED
from runtime.tests.component.served_process import PATIENCE_S, eventually, hosted, serving, write_flow

CODE = """\
import asyncio, pathlib, threading, time
from promptflow.core import tool

@tool
async def do(text: str):
    with open("asked", "a") as file:
        print(text, file=file)
    if text == "fail":
        raise ValueError("no such town")
    if text == "hold":
        while not pathlib.Path("go").exists():
            await asyncio.sleep(0.01)
    if text == "never":
        await asyncio.Event().wait()
    if text == "block":
        time.sleep(60)
    if text == "stream":
        return pieces()
    return text

def pieces():
    yield "a"
    pathlib.Path("streaming").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    yield "b"
"""


def flow_with(folder: Path, *samples: Any) -> Path:
    flow = write_flow(folder / "flow", CODE)
    (flow / "samples.json").write_text(json.dumps(list(samples)))
    return flow


def asked(flow: Path) -> list[str]:
    file = flow / "asked"
    return file.read_text().splitlines() if file.exists() else []


def test_it_is_not_ready_before_it_has_answered_its_first_sample_once(tmp_path: Path) -> None:
    flow = flow_with(tmp_path, {"text": "hold"}, {"text": "second"})
    with hosted(flow) as running:
        eventually("it is asked", lambda: asked(flow))
        assert running.healthy() == 503
        (flow / "go").touch()
        eventually("it is healthy", lambda: running.healthy() == 200)
        assert running.score("x").json() == {"said": "x"}
        assert asked(flow) == ["hold", "x"]
        assert any("Warmed with the first sample" in line for line in running.said)


def test_a_stream_is_read_to_its_end_and_may_take_its_time(tmp_path: Path) -> None:
    flow = flow_with(tmp_path, {"text": "stream"})
    with hosted(flow, "--timeout", "1") as running:
        eventually("it streams", lambda: (flow / "streaming").exists())
        with pytest.raises(Exception, match="timed out"):
            running.process.wait(1.5)
        assert running.healthy() == 503
        (flow / "go").touch()
        eventually("it is healthy", lambda: running.healthy() == 200)


@pytest.mark.parametrize("sample", ["never", "block"])
def test_no_answer_in_time_ends_the_instance_for_good(tmp_path: Path, sample: str) -> None:
    with hosted(flow_with(tmp_path, {"text": sample}), "--timeout", "0.5") as running:
        assert running.process.wait(PATIENCE_S) == WARM_CALL_UNANSWERED
    said = "".join(running.said)
    assert "The flow does not answer its warm call." in said
    assert "within 0.5 s, the request time-out" in said
    assert "FLOWSTEAD_WARM=false" in said


@pytest.mark.parametrize("sample", [{"text": "fail"}, {"other": 1}])
def test_a_flow_s_own_error_is_said_and_does_not_keep_it(tmp_path: Path, sample: Any) -> None:
    with hosted(flow_with(tmp_path, sample)) as running:
        eventually("it is healthy", lambda: running.healthy() == 200)
        assert running.score("x").status_code == 200
        assert running.end() == 0
    said = "".join(running.said)
    assert "the warm call with the first sample of samples.json failed, and the instance serves all the same" in said
    assert "no such town" in said or "text" in said


def test_workers_are_warmed_each(tmp_path: Path) -> None:
    flow = flow_with(tmp_path, {"text": "w"})
    with hosted(flow, "--workers", "2") as running:
        eventually("it is healthy", lambda: running.healthy() == 200)
        eventually("both were asked", lambda: asked(flow) == ["w", "w"])
    with hosted(flow_with(tmp_path, {"text": "never"}), "--workers", "2", "--timeout", "0.5") as running:
        assert running.process.wait(PATIENCE_S) == WARM_CALL_UNANSWERED


def test_who_does_not_want_it_does_not_get_it(tmp_path: Path) -> None:
    flow = flow_with(tmp_path, {"text": "never"})
    with hosted(flow, FLOWSTEAD_WARM="false") as running:
        eventually("it is healthy", lambda: running.healthy() == 200)
    with hosted(flow, FLOWSTEAD_TEST_INSTANCE="1") as running:
        eventually("it is healthy", lambda: running.healthy() == 200)
    with serving(flow) as running:
        assert running.score("x").status_code == 200
    assert asked(flow) == ["x"]


def test_a_signal_meanwhile_ends_it_at_once(tmp_path: Path) -> None:
    flow = flow_with(tmp_path, {"text": "never"})
    with hosted(flow) as running:
        eventually("it is asked", lambda: asked(flow))
        assert running.end() == 0


def test_nothing_of_it_is_collected(tmp_path: Path) -> None:
    code = CODE.replace(
        "@tool\n", "from azureml.ai.monitoring import Collector\nrows = Collector(name='rows')\n@tool\n"
    )
    code = code.replace('    if text == "fail"', '    rows.collect([{"text": text}])\n    if text == "fail"')
    flow = flow_with(tmp_path, {"text": "sample"})
    (flow / "do.py").write_text(code)
    collector = {
        "destination": str(tmp_path / "kept"), "instance": "i", "endpoint": "e", "deployment": "d",
        "model_version": "1",
        "data_collector": {"collections": {name: {"enabled": "True"} for name in ("rows", "model_inputs", "request")}},
    }  # fmt: skip
    (tmp_path / "collect.json").write_text(json.dumps(collector))
    with hosted(flow, "--collect", str(tmp_path / "collect.json")) as running:
        eventually("it is healthy", lambda: running.healthy() == 200)
        assert running.score("request").status_code == 200
        assert running.end() == 0
    kept = "".join(file.read_text() for file in (tmp_path / "kept").rglob("*.jsonl"))
    assert "request" in kept
    assert "sample" not in kept
