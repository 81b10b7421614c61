"""A provider that speaks OpenAI's and Azure OpenAI's protocols over real HTTP, and answers by rule.

    with FakeLlm() as provider:
        OpenAI(base_url=f"{provider.url}/v1", api_key="any")
        AzureOpenAI(azure_endpoint=provider.url, api_key="any", api_version="2024-02-01")
        provider.requests[-1].body["messages"]

or from a shell: `python -m flowstead_runtime.testing.fake_llm --port 8099`. What it answers, and how a prompt steers
that, is in `llm_answers`. Chat and completions (plain and streamed, several choices, tools, JSON), embeddings, models;
Azure AI Content Safety as well.
`GET /requests` shows what was received, `DELETE /requests` forgets it.
"""

from __future__ import annotations

import argparse
import base64
import collections
import json
import re
import struct
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from flowstead_runtime.testing import llm_answers
from flowstead_runtime.testing.llm_answers import Body, Directives, Message

_AZURE_PATH = re.compile(r"/openai/deployments/([^/]+)/(.+)")
_OPENAI_PATH = re.compile(r"/(?:openai/)?(?:v1/)?(.+)")
_SAFETY = "contentsafety/text:analyze"
_POLL_S = 0.05


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it arrived. headers: names in lower case, credentials included. azure: by Azure's paths."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Body
    azure: bool


@dataclass
class _State:
    """What the requests of one provider share."""

    keys: frozenset[str] | None
    requests: list[ReceivedRequest] = field(default_factory=list)
    failed: collections.Counter[str] = field(default_factory=collections.Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def must_fail(self, directives: Directives, body: Body) -> bool:
        """Whether this request is one of those that fail."""
        if not directives.fail:
            return False
        with self.lock:
            digest = llm_answers.digest(body)
            self.failed[digest] += 1
            return directives.fail_times is None or self.failed[digest] <= directives.fail_times


class FakeLlm:
    """The provider, in threads of this process. keys: the API keys that it accepts, None for any but an empty one."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, keys: Iterable[str] | None = None) -> None:
        self._state = _State(frozenset(keys) if keys is not None else None)
        state = self._state

        class Handler(_Handler):
            provider = state

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="fake-llm", daemon=True
        )

    @property
    def url(self) -> str:
        """Where it is; OpenAI's base URL is this with `/v1`, Azure's endpoint is this."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """What was asked so far, oldest first."""
        with self._state.lock:
            return tuple(self._state.requests)

    def forget(self) -> None:
        """Forget the requests, and how often a directive has failed."""
        with self._state.lock:
            self._state.requests.clear()
            self._state.failed.clear()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(message)


class _Handler(BaseHTTPRequestHandler):
    provider: _State
    protocol_version = "HTTP/1.1"
    # A streamed piece must not wait for the acknowledgement of the one before.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/requests":
            with self.provider.lock:
                received = [vars(each) for each in self.provider.requests]
            return self._send(200, received)
        if path == "/health":
            return self._send(200, {"status": "Healthy"})
        if path.endswith("/models"):
            return self._send(200, {"object": "list", "data": [_model("gpt-4o-mini"), _model("gpt-35-turbo")]})
        return self._send_error(_Refused(404, "not_found", f"There is no {path} here."))

    def do_DELETE(self) -> None:
        with self.provider.lock:
            self.provider.requests.clear()
        self._send(200, {})

    def do_POST(self) -> None:
        try:
            self._answer(self._receive())
        except _Refused as refused:
            self._send_error(refused)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `requests` tells what was asked."""

    def _receive(self) -> ReceivedRequest:
        address = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body = json.loads(raw)
        except ValueError:
            raise _Refused(400, "invalid_json", "The body is not JSON.") from None
        if not isinstance(body, dict):
            raise _Refused(400, "invalid_json", "The body is not a JSON object.")
        received = ReceivedRequest(
            path=address.path,
            query=dict(parse_qsl(address.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            azure=_AZURE_PATH.fullmatch(address.path) is not None,
        )
        with self.provider.lock:
            self.provider.requests.append(received)
        self._check_credentials(received)
        return received

    def _check_credentials(self, received: ReceivedRequest) -> None:
        bearer = received.headers.get("authorization", "").removeprefix("Bearer ").strip()
        key = received.headers.get("api-key", "") or received.headers.get("ocp-apim-subscription-key", "") or bearer
        if not key or (self.provider.keys is not None and key not in self.provider.keys):
            raise _Refused(401, "invalid_api_key", "Incorrect API key provided.")
        if received.azure and "api-version" not in received.query:
            raise _Refused(404, "404", "Resource not found: Azure's paths need an api-version.")

    def _answer(self, received: ReceivedRequest) -> None:
        match = _AZURE_PATH.fullmatch(received.path) or _OPENAI_PATH.fullmatch(received.path)
        operation = match[match.re.groups] if match else ""
        model = match[1] if match and received.azure else str(received.body.get("model", ""))
        if operation == _SAFETY:
            return self._send(200, llm_answers.safety_of(str(received.body.get("text", ""))))
        answers = {"chat/completions": _chat, "completions": _completion, "embeddings": _embeddings}
        if operation not in answers:
            raise _Refused(404, "not_found", f"There is no {received.path} here.")
        if not model:
            raise _Refused(400, "missing_model", "You must provide a model parameter.")
        directives = _directives(operation, received.body)
        time.sleep(directives.wait_s)
        if self.provider.must_fail(directives, received.body):
            raise _Refused(directives.fail, str(directives.fail), f"The prompt asked for a {directives.fail}.")
        if received.body.get("stream") and operation != "embeddings":
            chunks = _chat_chunks if operation == "chat/completions" else _completion_chunks
            return self._send_events(chunks(received, model), directives.cut)
        return self._send(200, answers[operation](received.body, model))

    def _send(self, status: int, content: Any, headers: Mapping[str, str] | None = None) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _send_error(self, refused: _Refused) -> None:
        kind = "server_error" if refused.status >= 500 else "invalid_request_error"
        error = {"message": refused.message, "type": kind, "param": None, "code": refused.code}
        # Retries are to be quick in tests.
        headers = {"retry-after": "0"} if refused.status in {429, 500, 502, 503} else {}
        self._send(refused.status, {"error": error}, headers)

    def _send_events(self, events: Iterator[Any], cut: int | None) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number, each in enumerate(events):
            if cut is not None and number >= cut:
                self.wfile.flush()
                self.close_connection = True
                return
            self._send_chunk(f"data: {json.dumps(each)}\n\n".encode())
        self._send_chunk(b"data: [DONE]\n\n")
        self._send_chunk(b"")

    def _send_chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


def _directives(operation: str, body: Body) -> Directives:
    if operation == "chat/completions":
        prompt = llm_answers.chat_prompt(body)
    elif operation == "completions":
        prompt = "\n".join(llm_answers.completion_prompts(body))
    else:
        prompt = str(body.get("input", ""))
    try:
        return llm_answers.read_directives(prompt)
    except ValueError as problem:
        raise _Refused(400, "bad_directive", str(problem)) from None


def _chat(body: Body, model: str) -> dict[str, Any]:
    message = llm_answers.chat_message(body, model)
    choice = {"message": _message_body(message), "finish_reason": message.finish_reason, "logprobs": None}
    choices = [{"index": index, **choice} for index in range(_count(body))]
    spoken = [message.text or "", *(arguments for _, arguments in message.calls)] * len(choices)
    return {**_head(body, model, "chat.completion"), "choices": choices, "usage": _usage(body.get("messages"), spoken)}


def _chat_chunks(received: ReceivedRequest, model: str) -> Iterator[dict[str, Any]]:
    body = received.body
    head = _head(body, model, "chat.completion.chunk")
    message = llm_answers.chat_message(body, model)
    if received.azure:
        # Azure begins with the verdict of its content filter, a chunk without choices.
        yield {**head, "choices": [], "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]}
    for index in range(_count(body)):
        for delta in _deltas(message):
            yield {**head, "choices": [{"index": index, "delta": delta, "finish_reason": None}]}
        yield {**head, "choices": [{"index": index, "delta": {}, "finish_reason": message.finish_reason}]}
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": _usage(body.get("messages"), [message.text or ""] * _count(body))}


def _deltas(message: Message) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": None if message.calls else ""}
    for name, arguments in message.calls:
        if message.legacy_call:
            yield {"function_call": {"name": name, "arguments": arguments}}
        else:
            yield {"tool_calls": [{"index": 0, **_call_body(name, arguments)}]}
    for piece in llm_answers.pieces_of(message.text or ""):
        yield {"content": piece}


def _message_body(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {"role": "assistant", "content": message.text}
    if message.legacy_call:
        name, arguments = message.calls[0]
        body["function_call"] = {"name": name, "arguments": arguments}
    elif message.calls:
        body["tool_calls"] = [_call_body(name, arguments) for name, arguments in message.calls]
    return body


def _call_body(name: str, arguments: str) -> dict[str, Any]:
    return {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": arguments}}


def _completion(body: Body, model: str) -> dict[str, Any]:
    prompts = llm_answers.completion_prompts(body)
    texts = [llm_answers.completion_text(each, body, model) for each in prompts for _ in range(_count(body))]
    choices = [
        {"index": index, "text": text, "finish_reason": "stop", "logprobs": None} for index, text in enumerate(texts)
    ]
    return {**_head(body, model, "text_completion"), "choices": choices, "usage": _usage(prompts, texts)}


def _completion_chunks(received: ReceivedRequest, model: str) -> Iterator[dict[str, Any]]:
    head = _head(received.body, model, "text_completion")
    for index, choice in enumerate(_completion(received.body, model)["choices"]):
        for piece in llm_answers.pieces_of(choice["text"]):
            yield {**head, "choices": [{"index": index, "text": piece, "finish_reason": None, "logprobs": None}]}
        yield {**head, "choices": [{"index": index, "text": "", "finish_reason": "stop", "logprobs": None}]}


def _embeddings(body: Body, model: str) -> dict[str, Any]:
    given = body.get("input", "")
    # A list of numbers is one text, already in tokens.
    texts = given if isinstance(given, list) and not any(isinstance(each, int) for each in given) else [given]
    length = int(body.get("dimensions") or llm_answers.EMBEDDING_LENGTH)
    vectors: list[Any] = [llm_answers.embedding_of(str(text), length) for text in texts]
    if body.get("encoding_format") == "base64":
        vectors = [base64.b64encode(struct.pack(f"<{length}f", *vector)).decode() for vector in vectors]
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    used = llm_answers.tokens_in(texts)
    return {"object": "list", "model": model, "data": data, "usage": {"prompt_tokens": used, "total_tokens": used}}


def _head(body: Body, model: str, kind: str) -> dict[str, Any]:
    prefix = "cmpl" if kind == "text_completion" else "chatcmpl"
    identity = f"{prefix}-{llm_answers.digest(body)}"
    return {"id": identity, "object": kind, "created": llm_answers.CREATED, "model": model}


def _usage(asked: Any, answered: list[str]) -> dict[str, int]:
    prompt, completion = llm_answers.tokens_in(asked), llm_answers.tokens_in(answered)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _count(body: Body) -> int:
    return int(body.get("n") or 1)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": llm_answers.CREATED, "owned_by": "flowstead"}


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A deterministic OpenAI and Azure OpenAI provider.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--key", action="append", help="an API key to accept; may be repeated (any, unless given)")
    options = parser.parse_args()
    provider = FakeLlm(host=options.host, port=options.port, keys=options.key)
    print(f"OpenAI: {provider.url}/v1   Azure OpenAI: {provider.url}", flush=True)
    provider.start()
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        provider.stop()


if __name__ == "__main__":
    main()
