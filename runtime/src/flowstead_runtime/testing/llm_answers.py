"""What the fake provider says: a pure function of the request, so that a test may expect it word for word.

A prompt steers its own answer by directives:

    [[say: TEXT]]        answer exactly TEXT
    [[fail: STATUS]]     answer with that HTTP status and an error body
    [[fail: STATUS xN]]  the same, but only for the first N requests with this very body
    [[wait: SECONDS]]    wait before the answer
    [[cut: N]]           when streaming, drop the connection after N pieces
    [[hate: N]]          when asked for safety, find hate of that severity; sexual, self_harm, violence alike
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Body = Mapping[str, Any]

CREATED = 1_700_000_000
"""The Unix time in every answer."""

EMBEDDING_LENGTH = 8
_DIRECTIVE = re.compile(r"\[\[(say|fail|wait|cut):\s*(.*?)\s*\]\]", re.S)
_SAY_NOTHING: tuple[Any, ...] = (None, "", [], {})
_DEFAULTS: Body = {"n": 1, "best_of": 1, "echo": False}
_SAFETY = {"Hate": "hate", "SelfHarm": "self_harm", "Sexual": "sexual", "Violence": "violence"}
_SEVERITY = re.compile(r"\[\[(\w+):\s*(\d)\s*\]\]")
_FAIL = re.compile(r"(\d{3})(?:\s+x(\d+))?")


@dataclass(frozen=True)
class Directives:
    """say: the answer, None for one of our own. fail: a status, 0 for none; fail_times: for how many requests, None for
    all. wait_s: before the answer. cut: after how many pieces, None for never."""

    say: str | None = None
    fail: int = 0
    fail_times: int | None = None
    wait_s: float = 0.0
    cut: int | None = None


@dataclass(frozen=True)
class Message:
    """One choice of an answer. calls: (name, arguments as JSON) of the tools it wants called."""

    text: str | None
    calls: tuple[tuple[str, str], ...] = ()
    legacy_call: bool = False

    @property
    def finish_reason(self) -> str:
        if self.legacy_call:
            return "function_call"
        return "tool_calls" if self.calls else "stop"


def read_directives(prompt: str) -> Directives:
    """The directives in a prompt. Raises ValueError for one that makes no sense."""
    found = dict(_DIRECTIVE.findall(prompt))
    fail = _FAIL.fullmatch(found["fail"]) if "fail" in found else None
    if "fail" in found and fail is None:
        raise ValueError(f"[[fail: {found['fail']}]] is not a status such as [[fail: 429]] or [[fail: 503 x2]]")
    return Directives(
        say=found.get("say"),
        fail=int(fail[1]) if fail else 0,
        fail_times=int(fail[2]) if fail and fail[2] else None,
        wait_s=float(found.get("wait", 0)),
        cut=int(found["cut"]) if "cut" in found else None,
    )


def chat_prompt(body: Body) -> str:
    """The text of the last user message, or of the last message when there is none."""
    messages = body.get("messages") or []
    users = [each for each in messages if each.get("role") == "user"]
    last = users[-1] if users else messages[-1] if messages else {}
    return _text_of(last.get("content"))


def completion_prompts(body: Body) -> list[str]:
    """The prompts of a completion request."""
    prompt = body.get("prompt", "")
    return [str(each) for each in prompt] if isinstance(prompt, list) else [str(prompt)]


def chat_message(body: Body, model: str) -> Message:
    """The answer to a chat request."""
    prompt = chat_prompt(body)
    say = read_directives(prompt).say
    call = _wanted_call(body) if say is None else None
    if call is not None:
        return Message(None, (call,), legacy_call="functions" in body)
    if say is not None:
        return Message(say)
    shape = body.get("response_format") or {}
    if shape.get("type") == "json_schema":
        return Message(json.dumps(example_of((shape.get("json_schema") or {}).get("schema") or {})))
    if shape.get("type") == "json_object":
        return Message(json.dumps({"answer": prompt, "model": model, "digest": digest(body)}))
    roles = ",".join(str(each.get("role")) for each in body.get("messages") or [])
    return Message(f"{model} {digest(body)} ({roles}) answers: {prompt}")


def completion_text(prompt: str, body: Body, model: str) -> str:
    """The answer to one prompt of a completion request."""
    say = read_directives(prompt).say
    text = say if say is not None else f" {model} {digest(body)} continues: {prompt}"
    return prompt + text if body.get("echo") else text


def embedding_of(text: str, length: int) -> list[float]:
    """A vector of the wanted length, the same for the same text, each number exact in 32 bits."""
    numbers: list[float] = []
    block = 0
    while len(numbers) < length:
        seed = hashlib.sha256(f"{block}:{text}".encode()).digest()
        numbers.extend((byte - 128) / 128 for byte in seed)
        block += 1
    return numbers[:length]


def safety_of(text: str) -> dict[str, Any]:
    """What content safety finds in a text: nothing that no directive asks for."""
    asked = dict(_SEVERITY.findall(text))
    found = [{"category": each, "severity": int(asked.get(word, 0))} for each, word in _SAFETY.items()]
    return {"blocklistsMatch": [], "categoriesAnalysis": found}


def pieces_of(text: str) -> list[str]:
    """The pieces in which a text is streamed: words with the space behind them."""
    return re.findall(r"\S+\s*|\s+", text)


def tokens_in(value: Any) -> int:
    """A count that stands in for tokens: the words of all text in the value."""
    if isinstance(value, str):
        return len(value.split())
    if isinstance(value, Mapping):
        return sum(tokens_in(each) for each in value.values())
    if isinstance(value, Sequence):
        return sum(tokens_in(each) for each in value)
    return 0


def digest(body: Body) -> str:
    """Eight digits that change with anything in the request but the way of its transport and what says nothing: an
    empty parameter, one that has the value it would have anyway."""
    kept = {
        key: value
        for key, value in body.items()
        if key not in {"stream", "stream_options", "user"} and value not in _SAY_NOTHING and _DEFAULTS.get(key) != value
    }
    return hashlib.sha256(json.dumps(_as_floats(kept), sort_keys=True).encode()).hexdigest()[:8]


def example_of(schema: Mapping[str, Any], name: str = "value") -> Any:
    """A value that a JSON schema allows, as simple as can be."""
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        return {key: example_of(each, key) for key, each in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [example_of(schema.get("items") or {}, name)]
    simple: dict[str, Any] = {"integer": 1, "number": 1.5, "boolean": True, "null": None}
    return simple.get(kind, name)


def _wanted_call(body: Body) -> tuple[str, str] | None:
    """The first tool, or the one asked for, unless the last message brings a tool's result."""
    tools = [each.get("function") or {} for each in body.get("tools") or []] or body.get("functions") or []
    choice = body.get("tool_choice", body.get("function_call", "auto"))
    messages = body.get("messages") or [{}]
    if not tools or choice == "none" or messages[-1].get("role") in {"tool", "function"}:
        return None
    if isinstance(choice, Mapping):
        name = (choice.get("function") or choice).get("name")
        tools = [each for each in tools if each.get("name") == name] or tools
    return str(tools[0].get("name")), json.dumps(example_of(tools[0].get("parameters") or {}))


def _as_floats(value: Any) -> Any:
    """With 1 as 1.0, for JSON's numbers are of one kind."""
    if isinstance(value, Mapping):
        return {key: _as_floats(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_floats(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _text_of(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping) and "text" in part)
    return "" if content is None else str(content)
