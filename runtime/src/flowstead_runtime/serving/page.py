"""The page at `/`: try the flow from a browser."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import Any

from flowstead_runtime.flow.definition import FlowDefinition, ValueType

_EXAMPLES: Mapping[ValueType, Any] = {
    ValueType.INT: 1,
    ValueType.DOUBLE: 1.0,
    ValueType.BOOL: True,
    ValueType.STRING: "",
    ValueType.LIST: [],
    ValueType.OBJECT: {},
    ValueType.IMAGE: {},
}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 48rem; padding: 0 1rem }}
textarea, pre {{ box-sizing: border-box; width: 100%; font: .9rem/1.4 ui-monospace, monospace; white-space: pre-wrap }}
</style>
<h1>{name}</h1>
<form>
<label for="inputs">Inputs</label>
<textarea id="inputs" rows="10">{inputs}</textarea>
<button>Send</button> <a href="swagger.json">swagger.json</a>
</form>
<h2 id="status" role="status"></h2>
<pre id="answer"></pre>
<script>
const [inputs, status_, answer] = ["inputs", "status", "answer"].map(id => document.getElementById(id));
document.querySelector("form").addEventListener("submit", async event => {{
  event.preventDefault();
  status_.textContent = "…";
  answer.textContent = "";
  try {{
    const response = await fetch("score", {{ method: "POST", body: inputs.value }});
    status_.textContent = response.status;
    answer.textContent = await response.text();
  }} catch (problem) {{
    status_.textContent = problem;
  }}
}});
</script>
</html>
"""


def build_page(definition: FlowDefinition) -> bytes:
    """The page for this flow, its form filled with the sample, the defaults, or a value of each input's type."""
    examples = {
        name: definition.sample.get(name, _EXAMPLES[each.type] if each.default is None else each.default)
        for name, each in definition.inputs.items()
    }
    text = json.dumps(examples, indent=2, ensure_ascii=False, default=str)
    return _PAGE.format(name=html.escape(definition.name), inputs=html.escape(text)).encode("utf-8", "replace")
