"""Flows that flow code calls."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowstead_runtime.flow.in_code import AsyncFlow, Flow
from flowstead_runtime.promptflow_api.exceptions import UserErrorException
from flowstead_runtime.promptflow_api.prompty import AsyncPrompty, Prompty

DAG = """\
inputs: {x: {type: int, default: 1}}
outputs: {o: {type: int, reference: "${t.output}"}}
nodes: [{name: t, type: python, source: {type: code, path: t.py}, inputs: {x: "${inputs.x}"}}]
"""
TOOL = "from promptflow.core import tool\n"
PROMPTY = "---\nmodel: {configuration: {type: openai, model: m}}\n---\nuser:\nhi\n"


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Flows leave modules, path entries and the hook behind: they are made to have a process of their own."""
    path, finders, modules = list(sys.path), list(sys.meta_path), set(sys.modules)
    yield
    sys.path[:], sys.meta_path[:] = path, finders
    for name in set(sys.modules) - modules:
        if name.split(".")[0] in ("promptflow", "t", "e"):
            del sys.modules[name]


def dag(folder: Path, code: str) -> Path:
    (folder / "flow.dag.yaml").write_text(DAG)
    (folder / "t.py").write_text(TOOL + code)
    return folder


def test_a_dag_flow_is_called_with_its_inputs(tmp_path: Path) -> None:
    flow = Flow.load(dag(tmp_path, "@tool\nasync def f(x):\n    return x + 1\n"))
    assert isinstance(flow, Flow)
    assert (flow.code, flow.path) == (tmp_path, tmp_path / "flow.dag.yaml")
    assert [flow(x="4"), flow(), flow.invoke({"x": 1}).output] == [{"o": 5}, {"o": 2}, {"o": 2}]
    with pytest.raises(UserErrorException, match="keyword arguments"):
        flow(4)
    with pytest.raises(UserErrorException, match="does not match the expected type 'int'"):
        flow(x="many")


def test_what_a_node_raises_reaches_the_caller(tmp_path: Path) -> None:
    flow = Flow.load(dag(tmp_path, "@tool\ndef f(x):\n    return 1 / 0\n"))
    with pytest.raises(UserErrorException, match=r"Execution failure in 't': \(ZeroDivisionError\)"):
        flow()


def test_an_async_flow_is_awaited(tmp_path: Path) -> None:
    flow = AsyncFlow.load(dag(tmp_path, "@tool\nasync def f(x):\n    for i in range(x):\n        yield i\n"))

    async def main() -> list[int]:
        return [piece async for piece in (await flow(x=3))["o"]]

    assert asyncio.run(main()) == [0, 1, 2]


def test_pieces_come_one_by_one(tmp_path: Path) -> None:
    flow = Flow.load(dag(tmp_path, "@tool\nasync def f(x):\n    for i in range(x):\n        yield i\n"))
    assert list(flow(x=3)["o"]) == [0, 1, 2]


def test_a_flex_flow_and_a_prompty(tmp_path: Path) -> None:
    (tmp_path / "flow.flex.yaml").write_text("entry: e:run\n")
    (tmp_path / "e.py").write_text("def run(x: int = 2):\n    return x * 2\n")
    assert Flow.load(tmp_path / "flow.flex.yaml")(x=4) == 8
    (tmp_path / "p.prompty").write_text(PROMPTY)
    assert type(Flow.load(tmp_path / "p.prompty")) is Prompty
    assert type(AsyncFlow.load(tmp_path / "p.prompty")) is AsyncPrompty
    with pytest.raises(UserErrorException, match="there is no flow folder"):
        Flow.load(tmp_path / "none")


def test_a_coroutine_of_a_called_flow_cannot_wait_for_another(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    dag(inner, "@tool\ndef f(x):\n    return x\n")
    call = f"from promptflow.core import Flow\n@tool\nasync def f(x):\n    return Flow.load({str(inner)!r})(x=x)\n"
    with pytest.raises(UserErrorException, match="must call others by AsyncFlow"):
        Flow.load(dag(tmp_path, call))()
