"""Telemetry for real: a serving process, its export process, and a collector that reads OTLP."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead_runtime.testing.fake_llm import FakeLlm
from runtime.tests.component.span_collector import Collector

PATIENCE_S = 30
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
KEY = "key-of-the-connection-4711"
ERROR, OK = 2, 1


@pytest.fixture
def collector() -> Iterator[Collector]:
    seen = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.take(self.path, {key.lower(): value for key, value in self.headers.items()}, body)
            self.send_response(seen.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    seen.url = f"http://127.0.0.1:{server.server_port}"
    yield seen
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def provider() -> Iterator[FakeLlm]:
    with FakeLlm() as started:
        yield started


@dataclass
class Running:
    process: subprocess.Popen[str]
    url: str
    said: list[str]

    def score(self, inputs: dict[str, Any], **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(f"{self.url}/score", json=inputs, headers=named, timeout=PATIENCE_S)

    def end(self) -> str:
        """End it, which exports all that is left. Returns what it said."""
        self.process.send_signal(signal.SIGTERM)
        rest, _ = self.process.communicate(timeout=PATIENCE_S)
        return "".join(self.said) + rest


@contextlib.contextmanager
def serving(flow: Path, **environment: str) -> Iterator[Running]:
    process = subprocess.Popen(
        [sys.executable, "-m", "flowstead_runtime", "serve", str(flow), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PATH": os.environ["PATH"], **environment},
    )
    assert process.stdout is not None
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if "/score" in line:
                break
        else:
            raise AssertionError("".join(said))
        yield Running(process, line[line.index("http") : line.index("/score")], said)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def write_dag(folder: Path, code: str, nodes: list[dict[str, Any]], output: str) -> Path:
    folder.mkdir()
    definition = {
        "inputs": {"text": {"type": "string"}},
        "outputs": {"said": {"type": "string", "reference": f"${{{output}.output}}"}},
        "nodes": nodes,
    }
    (folder / "flow.dag.yaml").write_text(json.dumps(definition))
    (folder / "work.py").write_text(code)
    (folder / "chat.jinja2").write_text("system:\nBe short.\nuser:\n{{question}}\n")
    return folder


def python_node(name: str = "work", source: str = "work.py", **inputs: str) -> dict[str, Any]:
    given = inputs or {"text": "${inputs.text}"}
    return {"name": name, "type": "python", "source": {"type": "code", "path": source}, "inputs": given}


def llm_node() -> dict[str, Any]:
    return {
        "name": "answer",
        "type": "llm",
        "source": {"type": "code", "path": "chat.jinja2"},
        "inputs": {"deployment_name": "gpt-here", "question": "${inputs.text}", "max_tokens": 20},
        "connection": "azure",
        "api": "chat",
    }


def azure(provider: FakeLlm) -> dict[str, str]:
    value = {"api_key": KEY, "api_base": provider.url, "api_version": "2024-02-01"}
    return {"azure": json.dumps({"type": "AzureOpenAIConnection", "value": value})}


PLAIN = """\
from opentelemetry import trace
from promptflow.core import tool

@tool
def work(text: str):
    if text == "fail":
        raise ValueError("it broke")
    with trace.get_tracer("of-the-flow").start_as_current_span("own") as own:
        own.set_attribute("mine", [1, 2])
    return trace.get_current_span().get_span_context().span_id.to_bytes(8, "big").hex()
"""


def test_a_request_is_one_trace_below_its_caller(collector: Collector, tmp_path: Path) -> None:
    flow = write_dag(tmp_path / "plainly", PLAIN, [python_node()], "work")
    with serving(flow, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_EXPORTER_OTLP_HEADERS="x-team=a%20b") as running:
        answer = running.score({"text": "hi"}, traceparent=TRACEPARENT, x_request_id="r-1").json()
        running.end()
    flow_span, node, own = (collector.span(name) for name in ("plainly", "work", "own"))
    assert {each.trace for each in collector.spans} == {TRACE}
    assert (flow_span.parent, node.parent, own.parent) == (PARENT, flow_span.id, node.id)
    assert answer == {"said": node.id}, "code in a thread sees the span of its node"
    assert own.attributes == {"mine": [1, 2]}
    assert (own.scope, node.scope) == ("of-the-flow", "promptflow")
    assert (flow_span.status, node.status) == (OK, OK)
    shared = {
        "framework": "promptflow",
        "request_id": "r-1",
        "line_run_id": "r-1",
        "execution_target": "dag",
        "inputs": '{\n  "text": "hi"\n}',
    }
    assert flow_span.attributes.items() >= {**shared, "span_type": "Flow"}.items()
    assert (
        node.attributes.items()
        >= {
            **shared,
            "span_type": "Function",
            "function": "work",
            "node_name": "work",
            "output": f'"{node.id}"',
        }.items()
    )
    assert node.events["promptflow.function.inputs"] == {"payload": '{\n  "text": "hi"\n}'}
    assert node.events["promptflow.function.output"] == {"payload": f'"{node.id}"'}
    assert collector.resource["service.name"] == "promptflow"
    assert sorted(set(collector.paths)) == ["/v1/metrics", "/v1/traces"]
    assert collector.headers[0]["x-team"] == "a b"


def test_a_failure_is_told_in_the_span_and_counted_once(collector: Collector, tmp_path: Path) -> None:
    flow = write_dag(tmp_path / "failing", PLAIN, [python_node()], "work")
    with serving(flow, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as running:
        assert running.score({"text": "fail"}).status_code == 400
        assert running.score({}).status_code == 400
        running.end()
    node, flow_span = collector.span("work"), collector.span("failing")
    assert (node.status, node.message) == (ERROR, "ValueError: it broke")
    assert node.events["exception"]["exception.type"] == "ValueError"
    assert "work.py" in node.events["exception"]["exception.stacktrace"]
    assert flow_span.status == ERROR
    assert "Execution failure in 'work': (ValueError) it broke" in flow_span.message
    assert flow_span.parent == ""
    # Sorted by dimension: exception, flow, …
    assert collector.points["Flow_Request", "ToolExecutionError", "default_flow_id", "400", "False"] == 1
    assert collector.points["Flow_Request", "UserErrorException", "default_flow_id", "400", "False"] == 1
    assert collector.points["Node_Request", "ToolExecutionError", "default_flow_id", "work", "Failed"] == 1
    assert sum(count for key, count in collector.points.items() if key[0] == "Flow_Request") == 2
    assert collector.points["Node_Latency", "default_flow_id", "work", "Failed"] == 1


def test_an_llm_node_has_the_providers_call_below_it(collector: Collector, provider: FakeLlm, tmp_path: Path) -> None:
    flow = write_dag(tmp_path / "chatty", PLAIN, [llm_node()], "answer")
    with serving(flow, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **azure(provider)) as running:
        assert running.score({"text": "[[say: so it is]]"}).json() == {"said": "so it is"}
        said = running.end()
    flow_span, node, call = (collector.span(name) for name in ("chatty", "answer", "openai_chat"))
    assert (node.parent, call.parent) == (flow_span.id, node.id)
    assert node.attributes["function"] == "AzureOpenAI.chat"
    assert node.attributes["prompt.template"].startswith("system:")
    assert json.loads(node.attributes["inputs"])["prompt"] == node.attributes["prompt.template"]
    assert json.loads(node.attributes["prompt.variables"]) == {"question": "[[say: so it is]]"}
    assert call.attributes["span_type"] == "LLM"
    assert call.attributes["function"].startswith("openai.resources.chat.completions")
    assert call.attributes["function"].endswith(".Completions.create")
    assert call.attributes["node_name"] == "answer"
    assert json.loads(call.attributes["inputs"])["max_tokens"] == 20
    assert json.loads(call.attributes["llm.generated_message"])["content"] == "so it is"
    assert call.attributes["llm.response.model"]
    used = {kind: call.attributes[f"llm.usage.{kind}_tokens"] for kind in ("prompt", "completion", "total")}
    assert used["prompt"] > 0
    assert used["prompt"] + used["completion"] == used["total"]
    for span in (flow_span, node, call):
        assert {kind: span.attributes[f"__computed__.cumulative_token_count.{kind}"] for kind in used} == used
    consumed = ("Token_Consumption", "default_flow_id", "gpt-here", "answer")
    assert collector.points[*consumed, "prompt_tokens"] == used["prompt"]
    assert collector.points[*consumed, "completion_tokens"] == used["completion"]
    assert collector.points["RPC_Request", "openai_chat", "", "default_flow_id", "answer"] == 1
    assert collector.bounds["RPC_Latency"][:3] == [1.0, 5.0, 10.0]
    assert KEY not in said
    assert not any(KEY.encode() in body for body in collector.bodies)


def test_tokens_are_counted_where_only_metrics_are_exported(
    collector: Collector, provider: FakeLlm, tmp_path: Path
) -> None:
    flow = write_dag(tmp_path / "chatty", PLAIN, [llm_node()], "answer")
    metrics = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{collector.url}/own/path", **azure(provider)}
    with serving(flow, PF_SERVING_METRICS_COMMON_DIMENSIONS='{"zone": "x"}', **metrics) as running:
        running.score({"text": "hi"})
        running.end()
    assert collector.spans == []
    assert collector.points["Token_Consumption", "default_flow_id", "gpt-here", "answer", "prompt_tokens", "x"] > 0
    assert set(collector.paths) == {"/own/path"}


def test_a_stream_ends_its_spans_when_it_is_exhausted(collector: Collector, provider: FakeLlm, tmp_path: Path) -> None:
    flow = write_dag(tmp_path / "streaming", PLAIN, [llm_node()], "answer")
    with serving(flow, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **azure(provider)) as running:
        answer = running.score({"text": "[[say: one two]]"}, accept="text/event-stream")
        assert answer.text.startswith("data: ")
        running.end()
    flow_span, node, call = (collector.span(name) for name in ("streaming", "answer", "openai_chat"))
    assert (node.parent, call.parent) == (flow_span.id, node.id)
    assert "".join(json.loads(node.attributes["output"])) == "one two"
    assert node.attributes["output_type"] == call.attributes["output_type"] == "iterated"
    assert json.loads(call.attributes["llm.generated_message"])["content"] == "one two"
    assert "".join(json.loads(flow_span.attributes["output"])["said"]) == "one two"
    # Flow_Latency: flow, response_code, response_type, streaming.
    assert collector.points["Flow_Latency", "default_flow_id", "200", "firstbyte", "True"] == 1
    assert collector.points["Flow_Latency", "default_flow_id", "200", "lastbyte", "True"] == 1
    assert collector.points["Flow_Streaming_Response_Duration", "default_flow_id"] == 1


def test_a_stream_that_breaks_fails_all_of_its_spans(collector: Collector, provider: FakeLlm, tmp_path: Path) -> None:
    flow = write_dag(tmp_path / "broken", PLAIN, [llm_node()], "answer")
    with serving(flow, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **azure(provider)) as running:
        with contextlib.suppress(httpx.RemoteProtocolError):
            running.score({"text": "[[say: one two three four]] [[cut: 2]]"}, accept="text/event-stream")
        running.end()
    for name in ("broken", "answer", "openai_chat"):
        assert collector.span(name).status == ERROR, name
        assert "exception" in collector.span(name).events
    requests = {key: count for key, count in collector.points.items() if key[0] == "Flow_Request"}
    assert list(requests.values()) == [1]
    assert next(iter(requests))[-1] == "True"


FLEX = """\
import os
from openai import AsyncOpenAI
from promptflow.tracing import trace

@trace
async def ask(question: str, api_key: str):
    client = AsyncOpenAI(base_url=os.environ["LLM"], api_key=api_key)
    chunks = await client.embeddings.create(model="small", input=question)
    answer = await client.chat.completions.create(
        model="big", messages=[{"role": "user", "content": question}], extra_headers={"x-secret": "of-a-header-11"}
    )
    return answer.choices[0].message.content

class Chat:
    @trace
    async def __call__(self, question: str):
        return {"answer": await ask(question, "sk-of-the-flow-4711")}
"""


def test_a_flex_flow_with_functions_and_calls_of_its_own(
    collector: Collector, provider: FakeLlm, tmp_path: Path
) -> None:
    (tmp_path / "flow.flex.yaml").write_text("entry: chat:Chat\n")
    (tmp_path / "chat.py").write_text(FLEX)
    with serving(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, LLM=f"{provider.url}/v1") as running:
        assert running.score({"question": "[[say: fine]]"}).json() == {"answer": "fine"}
        running.end()
    assert len(collector.spans) == 4, "the entry's own @trace is the flow's span"
    flow_span, function = collector.span("Chat"), collector.span("ask")
    call, vectors = collector.span("openai_chat_async"), collector.span("openai_embeddings_async")
    assert (function.parent, call.parent, vectors.parent) == (flow_span.id, function.id, function.id)
    assert flow_span.attributes["execution_target"] == "flex"
    assert vectors.attributes["span_type"] == "Embedding"
    assert json.loads(vectors.attributes["embedding.embeddings"]) == [
        {"embedding.vector": "<8 dimensional vector>", "embedding.text": "[[say: fine]]"}
    ]
    assert call.attributes["llm.usage.total_tokens"] < function.attributes["__computed__.cumulative_token_count.total"]
    assert collector.points["RPC_Request", "ask_openai_chat_async", "", "default_flow_id", ""] == 1
    whole = b"".join(collector.bodies)
    assert b"sk-of-the-flow-4711" not in whole
    assert b"of-a-header-11" not in whole


def test_a_prompty_is_named_by_itself(collector: Collector, provider: FakeLlm, tmp_path: Path) -> None:
    (tmp_path / "file.prompty").write_text(
        "---\nname: Kind answers\nmodel:\n  api: chat\n  configuration:\n    type: openai\n    model: gpt\n"
        f"    base_url: {provider.url}/v1\n    api_key: {KEY}\n"
        "inputs:\n  q: {type: string}\n---\nuser:\n{{q}}\n"
    )
    with serving(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as running:
        assert running.score({"q": "[[say: hello]]"}).json() == "hello"
        running.end()
    assert collector.span("openai_chat").parent == collector.span("Kind answers").id
    assert collector.span("Kind answers").attributes["output"] == '"hello"'
    assert not any(KEY.encode() in body for body in collector.bodies)


def test_a_prompty_that_flow_code_calls_has_a_span(collector: Collector, provider: FakeLlm, tmp_path: Path) -> None:
    (tmp_path / "ask.prompty").write_text(
        "---\nmodel:\n  api: chat\n  configuration:\n    type: openai\n    model: gpt\n"
        f"    base_url: {provider.url}/v1\n    api_key: {KEY}\n"
        "inputs:\n  q: {type: string}\n---\nuser:\n{{q}}\n"
    )
    (tmp_path / "flow.flex.yaml").write_text("entry: code:go\n")
    (tmp_path / "code.py").write_text(
        "from promptflow.core import Prompty\n\nask = Prompty.load('ask.prompty')\n\n"
        "def go(q: str):\n    return ask(q=q)\n"
    )
    with serving(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as running:
        assert running.score({"q": "[[say: hello]]"}).json() == "hello"
        running.end()
    flow_span, prompty, call = (collector.span(name) for name in ("go", "Prompty", "openai_chat"))
    assert (prompty.parent, call.parent) == (flow_span.id, prompty.id)
    assert json.loads(prompty.attributes["inputs"]) == {"q": "[[say: hello]]"}


def test_feedback_joins_the_trace_it_is_about(collector: Collector, tmp_path: Path) -> None:
    flow = write_dag(tmp_path / "plain", PLAIN, [python_node()], "work")
    headers = {"traceparent": TRACEPARENT, "baggage": "user=joe,shop=7"}
    fields = {"stars": 5, "tags": ["a", "b"], "more": {"x": [1]}}
    with serving(flow, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.url}/v1/traces") as running:
        for query, body in (("", b"no JSON"), ("?flatten=true", json.dumps(fields).encode())):
            answer = httpx.post(f"{running.url}/feedback{query}", content=body, headers=headers)
            assert answer.json() == {"status": "Feedback received."}
        running.end()
    plainly, flat = collector.spans
    assert {(each.name, each.trace, each.parent) for each in collector.spans} == {
        ("promptflow-feedback", TRACE, PARENT)
    }
    baggage = {"user": "joe", "shop": "7"}
    assert plainly.attributes == {"feedback": "no JSON", **baggage}
    assert flat.attributes == {"stars": 5, "tags": ["a", "b"], "more": '{"x": [1]}', **baggage}


def test_a_caller_who_does_not_sample_gets_no_spans(collector: Collector, tmp_path: Path) -> None:
    flow = write_dag(tmp_path / "plain", PLAIN, [python_node()], "work")
    with serving(flow, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as running:
        assert running.score({"text": "x"}, traceparent=f"00-{TRACE}-{PARENT}-00").status_code == 200
        running.end()
    assert collector.spans == []
    assert collector.points["Flow_Request", "", "default_flow_id", "200", "False"] == 1


def test_a_collector_that_is_down_costs_no_request_anything(tmp_path: Path) -> None:
    flow = write_dag(tmp_path / "plain", PLAIN, [python_node()], "work")
    with serving(flow, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9") as running:
        assert running.score({"text": "x"}).status_code == 200
        said = running.end()
    assert running.process.returncode == 0
    assert "telemetry" in said


def test_nothing_is_imported_while_telemetry_is_off(tmp_path: Path) -> None:
    code = "import sys\nfrom promptflow.core import tool\nfrom promptflow.tracing import trace\n\n"
    code += "@tool\n@trace\ndef work(text: str):\n    return str(any('opentelemetry' in m for m in sys.modules))\n"
    flow = write_dag(tmp_path / "plain", code, [python_node()], "work")
    with serving(flow, PF_DISABLE_TRACING="true") as running:
        assert running.score({"text": "x"}, traceparent=TRACEPARENT).json() == {"said": "False"}


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http/protobuf only"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "http:// or https://"),
    ],
)
def test_settings_that_cannot_be_followed_are_told_at_start(
    variables: dict[str, str], told: str, tmp_path: Path
) -> None:
    flow = write_dag(tmp_path / "plain", PLAIN, [python_node()], "work")
    with pytest.raises(AssertionError, match=told), serving(flow, **variables):
        pass
