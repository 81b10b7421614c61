"""Whatever is sent to `/score`: no 5xx of ours, an error that is JSON, a process that lives on in bounded memory."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowstead_runtime.testing.fake_llm import FakeLlm
from tests.served_flow import PATIENCE_S, ServedFlow, served, write_files

EXAMPLES = 3000 if os.environ.get("FLOWSTEAD_TEST_COUNTS") == "full" else 400
BODY_LIMIT = 24 * 1024 * 1024
PEAK_MIB = 600

TYPED = """\
inputs:
  s: {type: string, default: a}
  i: {type: int, default: 1}
  d: {type: double, default: 1.5}
  b: {type: bool, default: true}
  l: {type: list, default: []}
  o: {type: object, default: {}}
  m: {type: image, default: AAAA}
outputs:
  out: {type: object, reference: "${n.output}"}
nodes:
- name: n
  type: python
  source: {type: code, path: n.py}
  inputs: {s: "${inputs.s}", i: "${inputs.i}", d: "${inputs.d}", b: "${inputs.b}", l: "${inputs.l}", o: "${inputs.o}"}
"""
TYPED_CODE = """\
from promptflow.core import tool

@tool
def n(s, i, d, b, l, o):
    return {"s": s[:50], "i": i % 7, "d": str(d), "b": b, "l": len(l), "o": type(o).__name__}
"""
ONE = """\
inputs:
  text: {type: string}
outputs:
  out: {type: string, reference: "${n.output}"}
nodes:
- {name: n, type: python, source: {type: code, path: n.py}, inputs: {text: "${inputs.text}"}}
"""
ONE_CODE = """\
from promptflow.core import tool

@tool
async def n(text: str):
    return text[:50]
"""
FLEX = """\
def answer(text="x", top: int = 3):
    return {"text": str(text)[:50] if not isinstance(text, int) else "number", "kind": type(top).__name__}
"""
CHAT = """\
inputs:
  question: {type: string, is_chat_input: true}
  chat_history: {type: list, is_chat_history: true, default: []}
outputs:
  answer: {type: string, reference: "${talk.output}", is_chat_output: true}
nodes:
- name: talk
  type: llm
  source: {type: code, path: talk.jinja2}
  inputs: {model: gpt, question: "${inputs.question}", chat_history: "${inputs.chat_history}"}
  connection: llm
  api: chat
"""
TALK = """\
system:
Be short.
{% for turn in chat_history %}
user:
{{turn.inputs.question}}
assistant:
{{turn.outputs.answer}}
{% endfor %}
user:
{{question}}
"""
PROMPTY = """\
---
model:
  api: chat
  configuration: {type: openai, model: gpt, connection: llm}
inputs:
  question: {type: string}
  top: {type: int, default: 3}
---
user:
{{question}} {{top}}
"""
FLOWS: Mapping[str, Mapping[str, str]] = {
    "typed": {"flow.dag.yaml": TYPED, "n.py": TYPED_CODE},
    "one": {"flow.dag.yaml": ONE, "n.py": ONE_CODE},
    "flex": {"flow.flex.yaml": "entry: app:answer\n", "app.py": FLEX},
    "chat": {"flow.dag.yaml": CHAT, "talk.jinja2": TALK},
    "prompty": {"ask.prompty": PROMPTY},
}
NAMES = ("s", "i", "d", "b", "l", "o", "m", "text", "top", "question", "chat_history", "other")


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, ServedFlow]]:
    folder = tmp_path_factory.mktemp("flows")
    with FakeLlm() as provider, contextlib.ExitStack() as stack:
        connection = {"type": "open_ai", "api_key": "sk-of-the-test", "base_url": f"{provider.url}/v1"}
        yield {
            name: stack.enter_context(
                served(write_files(folder / name, files), "--body-limit", str(BODY_LIMIT), llm=json.dumps(connection))
            )
            for name, files in FLOWS.items()
        }


def ask(flow: ServedFlow, body: bytes, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", flow.port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.request("POST", "/score", body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()


def is_recorded_failure(name: str, body: bytes) -> bool:
    """promptflow's server answers 500 to a list or a text where a DAG flow's inputs all have defaults, or are named in
    it; so do we (see docs/reference/compatibility.md)."""
    try:
        return "flow.dag.yaml" in FLOWS[name] and isinstance(json.loads(body), list | str)
    except (ValueError, RecursionError):
        return False


def nested(depth: int, name: str | None = None) -> bytes:
    inner = b"[" * depth + b"]" * depth
    return inner if name is None else b'{"' + name.encode() + b'": ' + inner + b"}"


HUGE = b"9" * 100_000
BODIES: Mapping[str, tuple[bytes, Mapping[str, int]]] = {
    "truncated": (b'{"text": "x', {"typed": 400, "one": 200, "flex": 400, "chat": 400, "prompty": 400}),
    "deep": (nested(10_000), {"typed": 400, "one": 200, "flex": 400, "chat": 400, "prompty": 400}),
    "deep in an input": (nested(10_000, "l"), {"typed": 400, "one": 200, "flex": 400, "chat": 400, "prompty": 400}),
    "deep objects": (b'{"o": ' * 10_000 + b"1" + b"}" * 10_000, {"typed": 400, "one": 200, "flex": 400}),
    "just readable": (nested(900, "l"), {"typed": 400, "one": 400, "flex": 200}),
    "a text of deep JSON": (json.dumps({"o": "[" * 10_000, "text": "x"}).encode(), {"typed": 200, "one": 200}),
    "a million keys": (
        json.dumps({f"k{number}": number for number in range(1_000_000)}).encode(),
        {"typed": 200, "one": 400, "flex": 200, "chat": 400, "prompty": 400},
    ),
    "invalid UTF-8": (b'{"text": "\xff\xfe"}', {"typed": 400, "one": 400, "flex": 400, "chat": 400, "prompty": 400}),
    "no UTF-8 at all": (b"\xff\xfe\xfa", {"typed": 400, "one": 400, "flex": 400}),
    "NaN": (b'{"d": NaN, "s": NaN, "text": NaN}', {"typed": 200, "one": 200, "flex": 200}),
    "NaN for an int": (b'{"i": NaN}', {"typed": 400}),
    "infinity for an int": (b'{"i": -Infinity}', {"typed": 400}),
    "a huge number": (b'{"i": ' + HUGE + b"}", {"typed": 400, "one": 200, "flex": 400}),
    "a huge number as text": (b'{"i": "' + HUGE + b'"}', {"typed": 400, "one": 400, "flex": 200}),
    "a number that only just can be read": (
        b'{"i": ' + b"9" * 4300 + b', "d": 1e999, "text": ' + b"9" * 4300 + b"}",
        {"typed": 200, "one": 200, "flex": 200},
    ),
    "an int that is no float": (b'{"d": ' + b"9" * 4300 + b"}", {"typed": 400}),
    "20 MB": (b'{"text": "' + b"x" * 20_000_000 + b'"}', {"typed": 200, "one": 200, "flex": 200}),
    "twice the same key": (b'{"text": "1", "text": "2"}', {"typed": 200, "one": 200, "flex": 200}),
    "a byte order mark": (b'\xef\xbb\xbf{"text": "x"}', {"typed": 200, "one": 200, "flex": 200}),
    "UTF-16": ('{"text": "x"}'.encode("utf-16"), {"typed": 200, "one": 200, "flex": 200}),
    "half a surrogate pair": (b'{"s": "\\ud800", "text": "\\ud800"}', {"typed": 200, "one": 200, "flex": 200}),
    "half a pair for a model": (b'{"question": "\\ud800"}', {"chat": 400, "prompty": 400}),
    "a zero byte": (b"\x00", {"typed": 400, "one": 200, "flex": 400}),
    "nothing": (b"", {"typed": 400, "one": 200, "flex": 400, "chat": 400, "prompty": 400}),
    "a number": (b"5", {"typed": 400, "one": 400, "flex": 400, "chat": 400, "prompty": 400}),
    "null": (b"null", {"typed": 200, "one": 400, "flex": 200, "chat": 400, "prompty": 400}),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_broken_body_has_its_answer(flows: Mapping[str, ServedFlow], case: str) -> None:
    body, expected = BODIES[case]
    got = {name: ask(flows[name], body) for name in expected}
    assert {name: status for name, (status, _) in got.items()} == expected
    for status, answer in got.values():
        assert status == 200 or set(json.loads(answer)["error"]) == {"code", "message"}
    assert max(flow.peak_mib for flow in flows.values()) < PEAK_MIB


def test_a_bomb_is_not_unpacked(flows: Mapping[str, ServedFlow]) -> None:
    bomb = gzip.compress(gzip.compress(b" " * 2_000_000_000, 9), 9) if EXAMPLES > 1000 else gzip.compress(b" " * 10**8)
    encoding = "gzip, gzip" if EXAMPLES > 1000 else "gzip"
    assert ask(flows["typed"], bomb, {"content-encoding": encoding})[0] == 413
    assert flows["typed"].peak_mib < PEAK_MIB


def exchange(flow: ServedFlow, *parts: bytes, leave: bool = False) -> bytes:
    """What comes back for bytes of any kind; leave: hang up before there is anything."""
    with flow.connect() as connection:
        with contextlib.suppress(OSError):
            for part in parts:
                connection.sendall(part)
        if leave:
            return b""
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(OSError):
            while piece := connection.recv(65536):
                answer += piece
        return answer


HEAD = b"POST /score HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        pytest.param([HEAD + b"content-length: 5\r\n\r\nab"], None, id="less than announced"),
        pytest.param([HEAD + b"content-length: 2\r\n\r\nhello"], b"200", id="more than announced"),
        pytest.param([HEAD + b"content-length: -1\r\n\r\n"], b"400", id="a negative length"),
        pytest.param([HEAD + b"content-length: 9999999999999\r\n\r\n"], b"413", id="a length beyond the limit"),
        pytest.param(
            [HEAD + b"content-length: %d\r\n\r\n" % (BODY_LIMIT + 1), b"x" * (BODY_LIMIT + 1)],
            b"413",
            id="over the limit",
        ),
        pytest.param(
            [HEAD + b"transfer-encoding: chunked\r\n\r\n", *[b"100000\r\n" + b"x" * 0x100000 + b"\r\n"] * 30],
            b"413",
            id="chunks over the limit",
        ),
        pytest.param([HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab"], b"400", id="two lengths"),
        pytest.param([HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"], None, id="chunks without an end"),
        pytest.param([HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n"], None, id="no chunk at all"),
        pytest.param([HEAD, b"x-long: ", *[b"x" * 65536] * 100], b"431", id="a header without an end"),
        pytest.param([HEAD, *[b"x-many: y\r\n" * 5000] * 100], b"431", id="a flood of headers"),
        pytest.param(
            [HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n", *[b"x-many: y\r\n" * 5000] * 100],
            b"431",
            id="a flood of trailers",
        ),
        pytest.param([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"], b"400", id="TLS"),
        pytest.param([b"POST /score HTTP/1.1\r\n\x00: \x00\r\n\r\n"], b"400", id="zero bytes"),
        pytest.param([b"GET /%ff%fe%00 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"], b"404", id="an odd path"),
    ],
)
def test_broken_http_is_refused_or_dropped(
    flows: Mapping[str, ServedFlow], parts: list[bytes], status: bytes | None
) -> None:
    flow = flows["one"]
    exchange(flow, *parts, leave=True)
    if status is not None:
        # Whoever still sends while it is refused may lose the answer to a reset.
        assert exchange(flow, *parts).split(b" ", 2)[1:2] in ([status], [])
    assert ask(flow, b"well")[0] == 200
    assert flow.peak_mib < PEAK_MIB


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
images = st.dictionaries(
    st.sampled_from(["data:image/png;base64", "data:image/png;path", "data:image/png;url", "type", "image_url"]),
    st.sampled_from(["AAAA", "..", "/dev/zero", "http://127.0.0.1/", "http://[::1", "\0", "image_url", "\ud800"])
    | json_values,
    max_size=2,
)
inputs = st.dictionaries(st.sampled_from(NAMES), json_values | images | st.lists(images, max_size=2), max_size=6)
bodies = (
    inputs.map(lambda value: json.dumps(value).encode())
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=200)
    | st.builds(lambda value, cut: json.dumps(value).encode()[:cut], inputs, st.integers(0, 40))
)
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40)
headers = st.dictionaries(
    st.sampled_from(
        [
            *("accept", "content-type", "x-request-id", "x-ms-client-request-id", "traceparent", "tracestate"),
            *("baggage", "content-encoding", "x-request-timeout-ms", "origin", "x-other", "cookie", "authorization"),
        ]
    ),
    st.sampled_from(["text/event-stream", "*/*", "gzip", "deflate", "60000", "0", "identity", "a=b;c,d=%ff", ""])
    | header_values,
    max_size=4,
)


@pytest.mark.parametrize("name", FLOWS)
def test_no_request_whatever_fails_inside(flows: Mapping[str, ServedFlow], name: str) -> None:
    flow = flows[name]

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(body=bodies, sent=headers)
    def drive(body: bytes, sent: dict[str, str]) -> None:
        status, answer = ask(flow, body, sent)
        assert flow.process.poll() is None
        if status == 500 and is_recorded_failure(name, body):
            return
        assert status in {200, 400, 406, 408, 415}, (status, answer)
        if status != 200:
            error: Any = json.loads(answer)["error"]
            assert set(error) == {"code", "message"}
            assert error["message"]

    drive()
