"""The page at `/`: try the flow from a browser. Its markup, style and script are `page.html`."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from pathlib import Path
from typing import Any, NamedTuple

from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, MessageFormat

_TEMPLATE = Path(__file__).with_name("page.html")


class Page(NamedTuple):
    """policy: a Content-Security-Policy that lets the page's own script and style work, and nothing else."""

    content: bytes
    policy: bytes


def build_page(definition: FlowDefinition) -> Page:
    """The page for this flow, its fields filled with the sample or the defaults."""
    template = _TEMPLATE.read_text("utf-8")
    script, style = _between(template, "<script>", "</script>"), _between(template, "<style>", "</style>")
    # Nothing in a data block may end it.
    data = json.dumps(_flow(definition), default=str).replace("<", "\\u003c")
    text = template.replace("{name}", html.escape(definition.name)).replace("{flow}", data)
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Page(text.encode("utf-8", "replace"), policy.encode())


def _flow(definition: FlowDefinition) -> dict[str, Any]:
    """What the script has to know."""
    chat_outputs = [name for name, each in definition.outputs.items() if each.is_chat_output]
    return {
        "name": definition.name,
        "inputs": [_input(name, each, definition) for name, each in definition.inputs.items()],
        "chat_output": chat_outputs[0] if chat_outputs else None,
        "vision": definition.message_format is MessageFormat.OPENAI_VISION,
    }


def _input(name: str, spec: FlowInput, definition: FlowDefinition) -> dict[str, Any]:
    return {
        "name": name,
        "type": spec.type.value,
        "value": definition.sample.get(name, spec.default),
        "required": spec.default is None,
        "description": spec.description,
        "chat_input": spec.is_chat_input,
        "chat_history": spec.is_chat_history,
    }


def _between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
