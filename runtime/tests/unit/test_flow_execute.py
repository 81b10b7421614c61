"""Running a plan: order, parallelism, bypassing, failing fast. The tools are the tests' own functions."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.errors import FlowLoadError, InputError, InternalFailure, NodeFailed
from flowstead_runtime.flow.dag import read
from flowstead_runtime.flow.definition import FlowDefinition, FlowKind
from flowstead_runtime.flow.execute import execute
from flowstead_runtime.flow.plan import Plan, make_plan
from flowstead_runtime.flow.threads import ThreadPool
from flowstead_runtime.promptflow_api.exceptions import (
    PromptflowException,
    SystemErrorException,
    UserErrorException,
)
from flowstead_runtime.tools.resolved import Mode, Tool
from flowstead_runtime.yaml_file import parse_yaml

PATIENCE_S = 20.0


def plan_of(yaml: str, tools: Mapping[str, Tool]) -> Plan:
    """The plan of a flow whose nodes are given as `name: {x: ${…}}` under `nodes`."""
    document = parse_yaml(yaml, shown="f")
    nodes = "".join(
        f"- {{name: {name}, type: python, source: {{path: x.py}}, {body.strip()[1:]}\n"
        for name, body in ((n, str_of(b)) for n, b in document.pop("nodes").items())
    )
    outputs = "".join(f"  {k}: {{type: string, reference: {v!r}}}\n" for k, v in document["outputs"].items())
    draft = read(parse_yaml(f"nodes:\n{nodes}outputs:\n{outputs}", shown="f"), file="f")
    here = Path("/flow")
    definition = FlowDefinition(
        "flow", FlowKind.DAG, here, here / "f", inputs={}, outputs=draft.outputs, nodes=draft.nodes
    )
    return make_plan(definition, tools)


def str_of(body: Mapping[str, Any]) -> str:
    special = {key: body[key] for key in ("activate", "aggregation") if key in body}
    inputs = {key: value for key, value in body.items() if key not in special}
    return repr({"inputs": dict(inputs), **special}).replace("True", "true").replace("None", "null")


def tool(call: Callable[..., Any], mode: Mode = Mode.THREAD, **optional: bool) -> Tool:
    return Tool(call, mode, parameters=optional)


def run(yaml: str, inputs: Mapping[str, Any] | None = None, **tools: Tool) -> dict[str, Any]:
    return run_tools(yaml, tools, inputs)


def run_tools(
    yaml: str, tools: Mapping[str, Tool], inputs: Mapping[str, Any] | None = None, *, stream: bool = False
) -> dict[str, Any]:
    async def main() -> dict[str, Any]:
        pool = ThreadPool()
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await execute(plan_of(yaml, tools), inputs or {}, pool, stream=stream)
        finally:
            pool.close()

    return asyncio.run(main())


def add_one(x: int = 0) -> int:
    return x + 1


async def add_one_async(x: int = 0) -> int:
    await asyncio.sleep(0)
    return x + 1


THREE = "nodes: {c: {x: '${b.output}'}, b: {x: '${a.output}'}, a: {x: '${inputs.n}'}}\noutputs: {o: '${c.output}'}"


@pytest.mark.parametrize("modes", ["ttt", "ccc", "ddd", "tcd", "dct"])
def test_a_chain_runs_in_order_whatever_its_tools_are(modes: str) -> None:
    made = {
        "t": tool(add_one),
        "c": tool(add_one_async, Mode.COROUTINE),
        "d": tool(add_one, Mode.DIRECT),
    }
    tools = {name: made[mode] for name, mode in zip("abc", modes, strict=True)}
    assert run_tools(THREE, tools, {"n": 1}) == {"o": 4}


def test_blocking_and_waiting_nodes_run_side_by_side() -> None:
    """Each of the three ends only when all three have begun."""
    barrier = threading.Barrier(3)

    def meet(**_: Any) -> str:
        barrier.wait(PATIENCE_S)
        return "met"

    async def meet_async(**_: Any) -> str:
        await asyncio.get_running_loop().run_in_executor(None, barrier.wait, PATIENCE_S)
        return "met"

    yaml = "nodes: {a: {}, b: {}, c: {}}\noutputs: {a: '${a.output}', b: '${b.output}', c: '${c.output}'}"
    assert run(yaml, a=tool(meet), b=tool(meet), c=tool(meet_async, Mode.COROUTINE)) == dict.fromkeys("abc", "met")


def test_literals_constants_and_outputs_without_a_node() -> None:
    yaml = "nodes: {a: {}}\noutputs: {o: '${a.output}', i: '${inputs.n}', l: text}"
    made = Tool(add_one, Mode.DIRECT, constants={"x": 41})
    assert run(yaml, {"n": 5}, a=made) == {"o": 42, "i": 5, "l": "text"}


def test_context_reaches_threads_and_coroutines() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("v")

    def read_it() -> str:
        return variable.get()

    async def read_it_async() -> str:
        return variable.get()

    async def main() -> dict[str, Any]:
        variable.set("here")
        plan = plan_of(
            "nodes: {a: {}, b: {}}\noutputs: {a: '${a.output}', b: '${b.output}'}",
            {"a": tool(read_it), "b": tool(read_it_async, Mode.COROUTINE)},
        )
        pool = ThreadPool()
        try:
            return await execute(plan, {}, pool)
        finally:
            pool.close()

    assert asyncio.run(main()) == {"a": "here", "b": "here"}


def test_a_synchronous_wrapper_around_a_coroutine_is_awaited() -> None:
    def wrapper(x: int = 1) -> Any:
        return add_one_async(x)

    assert run("nodes: {a: {}}\noutputs: {o: '${a.output}'}", a=tool(wrapper)) == {"o": 2}


# ------------------------------------------------------------------ bypassing


def kind(kind: str) -> dict[str, str]:
    return {"k": kind}


def show(**given: Any) -> dict[str, Any]:
    return given


CHOICE = """
nodes:
  cls: {kind: "${inputs.kind}"}
  a: {x: 1, activate: {when: "${cls.output.k}", is: a}}
  after: {x: "${a.output}"}
  join: {a: "${a.output}", c: "${cls.output.k}"}
  always: {a: "${a.output}", activate: {when: "${inputs.kind}", is: b}}
  chained: {x: 1, activate: {when: "${a.output}", is: null}}
outputs:
  a: ${a.output}
  after: ${after.output}
  join: ${join.output}
  always: ${always.output}
  chained: ${chained.output}
"""
TOOLS = {
    "cls": tool(kind, Mode.DIRECT),
    "a": Tool(show, Mode.DIRECT, constants={"x": 1}),
    "after": tool(show, Mode.DIRECT),
    "join": tool(show, Mode.DIRECT),
    "always": tool(show, Mode.DIRECT),
    "chained": tool(show, Mode.DIRECT),
}


def test_a_condition_that_holds_runs_the_node() -> None:
    out = run_tools(CHOICE, TOOLS, {"kind": "a"})
    assert out["a"] == {"x": 1}
    assert out["after"] == {"x": {"x": 1}}
    assert out["join"] == {"a": {"x": 1}, "c": "a"}
    assert out["always"] is None


def test_a_bypassed_node_takes_those_with_it_that_have_nothing_else() -> None:
    out = run_tools(CHOICE, TOOLS, {"kind": "b"})
    assert (out["a"], out["after"]) == (None, None)
    assert out["join"] == {"a": None, "c": "b"}
    assert out["always"] == {"a": None}, "its condition holds, so it runs though all its inputs are bypassed"
    assert out["chained"] is None, "its condition refers to a bypassed node"


def test_a_bypassed_argument_with_a_default_is_left_out() -> None:
    out = run_tools(CHOICE, {**TOOLS, "join": tool(show, Mode.DIRECT, a=True)}, {"kind": "b"})
    assert out["join"] == {"c": "b"}


def test_conditions_compare_after_conversion_and_may_be_literal() -> None:
    yaml = (
        "nodes: {a: {activate: {when: '${inputs.n}', is: 3}}, b: {activate: {when: x, is: x}}}\n"
        "outputs: {a: '${a.output}', b: '${b.output}'}"
    )
    one = {"a": tool(show, Mode.DIRECT), "b": tool(show, Mode.DIRECT)}
    assert run_tools(yaml, one, {"n": 3}) == {"a": {}, "b": {}}
    assert run_tools(yaml, one, {"n": "3"}) == {"a": None, "b": {}}


def test_a_property_of_a_bypassed_node_cannot_be_an_output() -> None:
    yaml = "nodes: {a: {activate: {when: '${inputs.n}', is: 1}}}\noutputs: {o: '${a.output.k}'}"
    with pytest.raises(InputError, match="Invalid property 'k' when accessing the node 'a'"):
        run(yaml, {"n": 2}, a=tool(show, Mode.DIRECT))


def test_aggregation_nodes_do_not_run_and_their_outputs_are_absent() -> None:
    def never() -> None:
        raise AssertionError

    yaml = "nodes: {a: {}, g: {x: '${a.output}', aggregation: true}}\noutputs: {a: '${a.output}', g: '${g.output}'}"
    assert run(yaml, a=tool(add_one), g=tool(never)) == {"a": 1}


# -------------------------------------------------------------------- failing


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("bad"), NodeFailed, "Execution failure in 'a': (ValueError) bad"),
        (KeyError("k"), NodeFailed, "Execution failure in 'a': (KeyError) 'k'"),
        (ValueError(), NodeFailed, "Execution failure in 'a': (ValueError) "),
        (OSError(2, "gone", "/a"), NodeFailed, "Execution failure in 'a': (FileNotFoundError) [Errno 2] gone: '/a'"),
        (OSError(28, "full", "/a"), NodeFailed, "Execution failure in 'a': (OSError) [Errno 28] full"),
        (SystemExit(3), NodeFailed, "Execution failure in 'a': (SystemExit) 3"),
        (asyncio.CancelledError(), NodeFailed, "Execution failure in 'a': (CancelledError) "),
        (UserErrorException("user said no"), NodeFailed, "user said no"),
        (UserErrorException(message_format="bad {thing}", thing="foo"), NodeFailed, "bad foo"),
        (SystemErrorException("system broke"), InternalFailure, "system broke"),
        (PromptflowException("pf"), InternalFailure, "pf"),
        (FlowLoadError("ours"), FlowLoadError, "ours"),
    ],
)
def test_an_exception_becomes_a_failure_of_its_kind(
    mode: Mode, error: BaseException, kind: type[Exception], message: str
) -> None:
    def fail() -> None:
        raise error

    async def fail_async() -> None:
        raise error

    call = fail_async if mode is Mode.COROUTINE else fail
    with pytest.raises(kind) as caught:
        run("nodes: {a: {}}\noutputs: {o: '${a.output}'}", a=tool(call, mode))
    assert str(caught.value) == message


def test_an_argument_that_the_tool_does_not_take_is_told() -> None:
    with pytest.raises(NodeFailed, match=r"Execution failure in 'a': \(TypeError\) .*unexpected keyword argument"):
        run("nodes: {a: {z: '${inputs.n}'}}\noutputs: {o: '${a.output}'}", {"n": 1}, a=tool(add_one))


def test_stop_iteration_is_told_too() -> None:
    def fail() -> None:
        raise StopIteration("end")

    with pytest.raises(NodeFailed, match="StopIteration: end"):
        run("nodes: {a: {}}\noutputs: {o: '${a.output}'}", a=tool(fail))


def test_the_first_failure_ends_the_request_and_cancels_the_rest() -> None:
    begun, cancelled, released = asyncio.Event(), [], threading.Event()
    later: list[str] = []

    async def slow() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append("slow")
            raise

    def stuck() -> None:
        released.wait(PATIENCE_S)

    async def fail() -> None:
        await begun.wait()
        raise ValueError("no")

    yaml = "nodes: {slow: {}, stuck: {}, fail: {}, late: {x: '${slow.output}'}}\noutputs: {o: '${late.output}'}"
    with pytest.raises(NodeFailed, match=r"'fail': \(ValueError\) no"):
        run(
            yaml,
            slow=tool(slow, Mode.COROUTINE),
            stuck=tool(stuck),
            fail=tool(fail, Mode.COROUTINE),
            late=tool(lambda x: later.append("late")),
        )
    released.set()
    assert (cancelled, later) == (["slow"], [])


def test_cancelling_the_request_cancels_its_nodes() -> None:
    seen: list[str] = []

    async def slow(name: str, begun: asyncio.Event) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append(name)
            raise

    async def main(count: int) -> None:
        begun = asyncio.Event()
        names = "abc"[:count]
        tools = {n: Tool(slow, Mode.COROUTINE, constants={"name": n, "begun": begun}) for n in names}
        nodes = ", ".join(f"{n}: {{}}" for n in names)
        plan = plan_of(f"nodes: {{{nodes}}}\noutputs: {{o: '${{a.output}}'}}", tools)
        task = asyncio.create_task(execute(plan, {}, ThreadPool()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)

    asyncio.run(main(1))
    asyncio.run(main(3))
    assert sorted(seen) == ["a", "a", "b", "c"]


# ------------------------------------------------------------------ streaming


def test_generators_are_handed_on_unread() -> None:
    def count(n: int) -> Iterator[int]:
        yield from range(n)

    async def count_async(n: int) -> AsyncIterator[int]:
        for i in range(n):
            yield i

    async def main() -> None:
        yaml = (
            "nodes: {a: {n: '${inputs.n}'}, b: {n: '${inputs.n}'}, s: {g: '${a.output}'}}\n"
            "outputs: {b: '${b.output}', s: '${s.output}'}"
        )
        tools = {
            "a": tool(count, Mode.DIRECT),
            "b": tool(count_async, Mode.DIRECT),
            "s": tool(lambda g: sum(g)),
        }
        pool = ThreadPool()
        out = await execute(plan_of(yaml, tools), {"n": 4}, pool)
        assert out["s"] == 6
        assert [i async for i in out["b"]] == [0, 1, 2, 3]
        pool.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("outputs", "extra", "streamed"),
    [
        ("{o: '${llm.output}'}", "", True),
        ("{o: '${llm.output.k}'}", "", False),
        ("{o: '${n.output}'}", ", n: {x: '${llm.output}'}", False),
        ("{o: '${llm.output}', p: '${n.output}'}", ", n: {x: '${llm.output}'}", False),
        ("{o: '${n.output}'}", ", n: {}", False),
    ],
)
def test_only_a_node_that_feeds_nothing_but_outputs_streams(outputs: str, extra: str, streamed: bool) -> None:
    called: list[str] = []

    async def whole() -> dict[str, str]:
        called.append("whole")
        return {"k": "v"}

    async def stream() -> dict[str, str]:
        called.append("stream")
        return {"k": "v"}

    tools = {"llm": Tool(whole, Mode.COROUTINE, stream=stream), "n": tool(show, Mode.DIRECT)}
    yaml = f"nodes: {{llm: {{}}{extra}}}\noutputs: {outputs}"
    run_tools(yaml, tools, stream=True)
    run_tools(yaml, tools)
    assert called == (["stream", "whole"] if streamed else ["whole", "whole"])


def test_a_stream_is_closed_when_another_node_fails() -> None:
    closed: list[bool] = []

    class Stream:
        def __aiter__(self) -> Stream:
            return self

        async def __anext__(self) -> str:
            raise StopAsyncIteration

        async def aclose(self) -> None:
            closed.append(True)

    async def stream() -> Stream:
        return Stream()

    def fail(x: Any) -> None:
        raise ValueError("no")

    yaml = "nodes: {s: {}, t: {}, f: {x: '${t.output}'}}\noutputs: {o: '${s.output}'}"
    with pytest.raises(NodeFailed):
        run(yaml, s=tool(stream, Mode.COROUTINE), t=tool(add_one, Mode.DIRECT), f=tool(fail))
    assert closed == [True]
