"""Flex flows from their folders to their answers."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.connections.sources import Connections
from flowstead_runtime.errors import ConnectionInvalid, FlowDefinitionError, FlowLoadError, NodeFailed, RuntimeFailure
from flowstead_runtime.flow.inputs import convert_inputs
from flowstead_runtime.flow.open import open_flow
from flowstead_runtime.flow.running import Flow, RunContext
from flowstead_runtime.flow.schema import openapi

CONNECTIONS = {
    "aoai": json.dumps({"type": "azure_open_ai", "api_key": "k", "api_base": "https://a", "api_version": "v"})
}


@pytest.fixture(autouse=True)
def clean(tmp_path: Path) -> Iterator[None]:
    """Flows leave modules, path entries and the hook behind: they are made to have a process of their own."""
    path, finders, modules = list(sys.path), list(sys.meta_path), set(sys.modules)
    yield
    sys.path[:], sys.meta_path[:] = path, finders
    for name in set(sys.modules) - modules:
        # What the SDK imports on the way has to stay: its parts know each other's exceptions by identity.
        file = getattr(sys.modules[name], "__file__", None) or ""
        if name.split(".")[0] == "promptflow" or file.startswith(str(tmp_path)):
            del sys.modules[name]


def load(folder: Path, code: str, yaml: str = "entry: entry:run", **options: Any) -> Flow:
    environ = {**CONNECTIONS, **options.pop("environ", {})}
    (folder / "flow.flex.yaml").write_text(yaml)
    (folder / "entry.py").write_text(code)
    return open_flow(folder, connections=Connections(environ), environ=environ, **options)


def answers(flow: Flow, *requests: Any) -> list[Any]:
    async def main() -> list[Any]:
        try:
            return [await _drained((await _run(flow, request)).value) for request in requests]
        finally:
            await flow.close()

    return asyncio.run(main())


async def _run(flow: Flow, request: Any) -> Any:
    return await flow.run(convert_inputs(flow.definition, request), RunContext("r"))


async def _drained(value: Any) -> Any:
    if isinstance(value, AsyncIterator):
        return [piece async for piece in value]
    return list(value) if isinstance(value, Iterator) else value


TAKES = """
from promptflow.connections import AzureOpenAIConnection
from promptflow.core import AzureOpenAIModelConfiguration

class run:
    def __init__(self, c: {}):
        self.c = c

    def __call__(self):
        return self.c.name
"""
PLAIN = {"plain": json.dumps({"type": "open_ai", "api_key": "k"})}


def test_a_connection_of_another_type_is_left_to_the_code(tmp_path: Path) -> None:
    flow = load(tmp_path, TAKES.format("AzureOpenAIConnection"), environ=PLAIN, init={"c": "plain"})
    assert answers(flow, {}) == ["plain"]


def test_a_model_configuration_refuses_a_connection_of_another_type(tmp_path: Path) -> None:
    init = {"c": {"azure_deployment": "d", "connection": "plain"}}
    with pytest.raises(ConnectionInvalid, match="takes an AzureOpenAIConnection, but 'plain' is of the type OpenAI"):
        load(tmp_path, TAKES.format("AzureOpenAIModelConfiguration"), environ=PLAIN, init=init)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def run(x): return x + 1", 2),
        ("async def run(x): return x + 1", 2),
        ("def run(x):\n    yield x\n    yield 2", [1, 2]),
        ("async def run(x):\n    yield x\n    yield 2", [1, 2]),
        ("class run:\n    def __call__(self, x): return x + 1", 2),
        ("class run:\n    async def __call__(self, x): return x + 1", 2),
        ("class run:\n    async def __call__(self, x):\n        yield x", [1]),
        ("async def inner(x): return x\ndef run(x): return inner(x)", 1),
        ("from promptflow.core import tool\n@tool\ndef run(x): return x", 1),
        ("import dataclasses\n@dataclasses.dataclass\nclass D:\n    a: int\ndef run(x): return D(x)", {"a": 1}),
        ("def run(x, *args, **kwargs): return [x, args, kwargs]", [1, (), {}]),
    ],
)
def test_every_kind_of_entry_runs(tmp_path: Path, code: str, expected: Any) -> None:
    assert answers(load(tmp_path, code), {"x": 1}) == [expected]


def test_an_entry_in_a_package_with_relative_imports(tmp_path: Path) -> None:
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot" / "__init__.py").write_text("")
    (tmp_path / "bot" / "words.py").write_text("HELLO = 'hello'")
    (tmp_path / "bot" / "main.py").write_text("from .words import HELLO\ndef run(): return HELLO")
    assert answers(load(tmp_path, "", "entry: bot.main:run"), {}) == ["hello"]


def test_a_flow_file_may_be_called_like_a_module_of_the_standard_library(tmp_path: Path) -> None:
    (tmp_path / "statistics.py").write_text("def run(): return 'mine'")
    assert answers(load(tmp_path, "", "entry: statistics:run"), {}) == ["mine"]


def test_one_object_answers_all_requests(tmp_path: Path) -> None:
    code = "class run:\n    n = 0\n    def __call__(self):\n        self.n += 1\n        return self.n"
    assert answers(load(tmp_path, code), {}, {}, {}) == [1, 2, 3]


KLASS = """\
class run:
    def __init__(self, a: str, b: int = 1): self.got = [a, b]
    def __call__(self): return self.got
"""
INIT = "entry: entry:run\ninit: {a: {type: string}, b: {type: int, default: 5}}\n"


def test_init_comes_from_the_variable_and_the_yaml(tmp_path: Path) -> None:
    environ = {"PF_FLOW_INIT_CONFIG": '{"a": 7}'}
    assert answers(load(tmp_path, KLASS, INIT, environ=environ), {}) == [[7, 5]]


def test_given_init_replaces_the_variables_as_a_whole(tmp_path: Path) -> None:
    environ = {"PF_FLOW_INIT_CONFIG": '{"a": 7, "b": 8}'}
    assert answers(load(tmp_path, KLASS, INIT, environ=environ, init={"a": "given"}), {}) == [["given", 5]]


def test_sample_init_stands_in_when_none_is_given(tmp_path: Path) -> None:
    assert answers(load(tmp_path, KLASS, "entry: entry:run\nsample: {init: {a: sample}}\n"), {}) == [["sample", 1]]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, r"with init \[\].*missing 1 required positional argument: 'a'"),
        ({"PF_FLOW_INIT_CONFIG": '{"a": 1, "z": 2}'}, "unexpected keyword argument 'z'"),
    ],
)
def test_init_must_fit_the_constructor(tmp_path: Path, environ: dict[str, str], said: str) -> None:
    with pytest.raises(FlowLoadError, match=said):
        load(tmp_path, KLASS, environ=environ)


def test_init_that_is_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FlowDefinitionError, match="must hold a JSON object"):
        load(tmp_path, KLASS, environ={"PF_FLOW_INIT_CONFIG": "{"})


MODEL = """\
from promptflow.core import AzureOpenAIModelConfiguration
from promptflow.connections import AzureOpenAIConnection
class run:
    def __init__(self, model: AzureOpenAIModelConfiguration = None, connection: AzureOpenAIConnection | None = None):
        self.model, self.connection = model, connection
    def __call__(self) -> str:
        m = self.model
        return f"{m.azure_deployment} {m.azure_endpoint} {m.api_version} {m.api_key} {m.connection}" if m else (
            self.connection.api_base)
"""


def test_a_connections_name_becomes_the_connection(tmp_path: Path) -> None:
    assert answers(load(tmp_path, MODEL, init={"connection": "aoai"}), {}) == ["https://a"]
    with pytest.raises(ConnectionInvalid, match="entry 'entry:run': Connection 'other' is not configured"):
        load(tmp_path, MODEL, init={"connection": "other"})


def test_a_mapping_becomes_a_model_configuration(tmp_path: Path) -> None:
    plain = {"azure_deployment": "d", "azure_endpoint": "e", "api_version": "2", "api_key": "key"}
    assert answers(load(tmp_path, MODEL, init={"model": plain}), {}) == ["d e 2 key None"]


def test_a_model_configuration_takes_the_fields_of_its_connection(tmp_path: Path) -> None:
    named = {"azure_deployment": "d", "connection": "aoai"}
    assert answers(load(tmp_path, MODEL, init={"model": named}), {}) == ["d https://a v k None"]
    with pytest.raises(FlowLoadError, match="a connection or the address and key themselves, not both"):
        load(tmp_path, MODEL, init={"model": {**named, "api_key": "k"}})
    with pytest.raises(FlowLoadError, match="expected as a mapping, not str"):
        load(tmp_path, MODEL, init={"model": "aoai"})


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def run() -> dict: return {}", "return annotation must be a dataclass, a TypedDict or str"),
        ("def run() -> int: return 1", "return annotation must be a dataclass, a TypedDict or str"),
        ("def run(x: list[str]): ...", "input 'x' is of a complex Python type"),
        ("class T: ...\ndef run(x: T): ...", "input 'x' is of a complex Python type"),
        ("from typing import TypedDict\nclass T(TypedDict):\n    a: set\ndef run() -> T: ...", "output 'a' is of a"),
        ("class run:\n    def __init__(self, a: bytes): ...\n    def __call__(self): ...", "'a' of its constructor"),
        ("class run: ...", "no function or callable class 'run'"),
        ("run = 3", "no function or callable class 'run'"),
        ("", "no function or callable class 'run'"),
        ("import nowhere_to_be_found", "Add 'nowhere-to-be-found' to the flow's requirements.txt"),
        ("class run:\n    def __init__(self): raise KeyError('x')\n    def __call__(self): ...", "KeyError: 'x'"),
    ],
)
def test_what_cannot_be_served_is_refused_at_start(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(FlowLoadError, match=said):
        load(tmp_path, code)


@pytest.mark.parametrize("before", ["", "from __future__ import annotations\n"])
def test_the_description_follows_the_signature(tmp_path: Path, before: str) -> None:
    code = before + (
        "import enum\nfrom typing import Optional, TypedDict\n"
        "class Tone(enum.Enum):\n    KIND = 'kind'\n"
        "class Out(TypedDict):\n    answer: str\n    score: float\n"
        "def run(i: int, t: Tone, o: Optional[dict] = None, n: int = 3, free=None) -> Out: ..."
    )
    flow = load(tmp_path, code, "entry: entry:run\ninputs: {n: {type: int, default: 9}}\n")
    body = openapi(flow.definition)["paths"]["/score"]["post"]
    anything = {"type": "object", "additionalProperties": {}}
    assert body["requestBody"]["content"]["application/json"]["schema"] == {
        "type": "object",
        "properties": {
            "i": {"type": "integer"},
            "t": {"type": "string"},
            "o": anything,
            "n": {"type": "integer", "default": "3"},
            "free": anything,
        },
        "required": ["i", "t", "o", "n", "free"],
    }
    assert body["responses"]["200"]["content"]["application/json"]["schema"]["properties"] == {
        "answer": {"type": "string"},
        "score": {"type": "number"},
    }


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def run(): raise ValueError('no')", r"Execution failure in 'run': \(ValueError\) no"),
        ("async def run(): raise ValueError('no')", r"Execution failure in 'run': \(ValueError\) no"),
        (
            "class run:\n    def __call__(self): raise KeyError('k')",
            r"Execution failure in 'run.__call__': \(KeyError\) 'k'",
        ),
        (
            "from promptflow.exceptions import SystemErrorException\ndef run(): raise SystemErrorException('no')",
            r"Execution failure in 'run': \(SystemErrorException\) no",
        ),
        ("def run(): raise SystemExit(3)", r"Execution failure in 'run': \(SystemExit\) 3"),
        ("def run(): raise StopIteration", r"Execution failure in 'run': \(RuntimeError\)"),
        (
            "import asyncio\nasync def run(): raise asyncio.CancelledError",
            r"Execution failure in 'run': \(CancelledError\)",
        ),
    ],
)
def test_whatever_the_entry_raises_is_its_failure(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(NodeFailed, match=said) as caught:
        answers(load(tmp_path, code), {})
    failure: RuntimeFailure = caught.value
    assert failure.status == 400


def test_a_request_that_is_cancelled_cancels_the_entry(tmp_path: Path) -> None:
    code = (
        "import asyncio\nseen = []\n"
        "async def run():\n"
        "    try:\n        await asyncio.sleep(60)\n"
        "    except asyncio.CancelledError:\n        seen.append(1)\n        raise\n"
    )
    flow = load(tmp_path, code)

    async def main() -> None:
        task = asyncio.create_task(flow.run({}, RunContext("r")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert sys.modules["entry"].seen == [1]


def test_blocking_entries_run_side_by_side(tmp_path: Path) -> None:
    code = "import threading\nboth = threading.Barrier(2, timeout=20)\ndef run(): return both.wait() is not None"
    flow = load(tmp_path, code)

    async def main() -> list[Any]:
        try:
            return [r.value for r in await asyncio.gather(*(flow.run({}, RunContext("r")) for _ in range(2)))]
        finally:
            await flow.close()

    assert asyncio.run(main()) == [True, True]
