"""Flows that the Test and Consume tabs are tried with, each deployed once for all tests that use it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.installation import Installation, write_flow

PAGE = "tested-page"
"""Two inputs, as the article's example has them."""
KINDS = "tested-kinds"
"""An input of every type but image; the answer says what came. Fails when `text` is "fail"."""
TALK = "tested-talk"
"""A chat with two inputs more, which answers piece by piece. `wait NAME` is answered up to its half, the rest comes
after another message that says `open NAME`; `fail` fails, `break` fails after the first piece; `say TEXT` is answered
with the text."""
SEE = "tested-see"
"""A chat that takes pictures, and sends the last one back."""

NUMBERS = "tested-numbers"
"""Its input has by default numbers that JavaScript would write otherwise; the answer is what came, and its text."""
NASTY = "tested-nasty"
"""Its inputs begin with texts that end strings, lines, comments or scripts in one language or another."""
NASTY_TEXT = (
    'quo"te it\'s \\back\\ \\u0022 $HOME ${x} $(id) `tick` </script><b> %s %d {0} f(x) )" f(y) -- // /* # \n\ttab\r\n'
    "é 你好 😀 \u2028 \x7f"
)

_PAGE = """\
from promptflow.core import tool


@tool
def say(location: str, url: str) -> dict:
    return {"category": f"{location}: {url}", "length": len(url)}
"""
_PAGE_YAML = """\
inputs:
  location:
    type: string
    description: A city or country
  url:
    type: string
    description: The page to classify
outputs:
  category:
    type: string
    reference: ${say.output.category}
  length:
    type: int
    reference: ${say.output.length}
nodes:
- name: say
  type: python
  source:
    type: code
    path: say.py
  inputs:
    location: ${inputs.location}
    url: ${inputs.url}
"""
_KINDS = """\
from promptflow.core import tool


@tool
def say(text: str, count: int, ratio: float, on: bool, items: list, options: dict) -> dict:
    if text == "fail":
        raise ValueError("the flow's very own words <b>&amp;</b>")
    given = {"text": text, "count": count, "ratio": ratio, "on": on, "items": items, "options": options}
    return {"given": given, "types": {name: type(value).__name__ for name, value in given.items()}}
"""
_KINDS_YAML = """\
inputs:
  text:
    type: string
    default: hello
    description: Anything
  count:
    type: int
  ratio:
    type: double
    default: 0.5
  "on":
    type: bool
    default: true
  items:
    type: list
    default: []
  options:
    type: object
    default: {}
outputs:
  given:
    type: object
    reference: ${say.output.given}
  types:
    type: object
    reference: ${say.output.types}
nodes:
- name: say
  type: python
  source:
    type: code
    path: say.py
  inputs:
    text: ${inputs.text}
    count: ${inputs.count}
    ratio: ${inputs.ratio}
    "on": ${inputs.on}
    items: ${inputs.items}
    options: ${inputs.options}
"""
_TALK = """\
import time

from promptflow.core import tool

_opened = set()


def _answer(question, chat_history, tone, loud):
    word, _, rest = question.partition(" ")
    if word == "say":
        yield from (rest[at : at + 16] for at in range(0, len(rest), 16))
        return
    if word == "wait":
        yield "the first half, "
        while rest not in _opened:
            time.sleep(0.02)
        yield "the second half"
        return
    if word == "open":
        _opened.add(rest)
    if word == "break":
        yield "it begins"
        raise ValueError("and breaks")
    before = [turn["inputs"]["question"] for turn in chat_history]
    answers = [turn["outputs"]["answer"] for turn in chat_history]
    yield f"You said **{question}**, before that {before}, "
    yield f"to which I answered {len(answers)} times. Tone {tone}{'!' if loud else '.'}"


@tool
def say(question: str, chat_history: list, tone: str, loud: bool):
    if question == "fail":
        raise ValueError("the flow's very own words")
    return _answer(question, chat_history, tone, loud)
"""
_TALK_YAML = """\
inputs:
  question:
    type: string
    is_chat_input: true
  chat_history:
    type: list
    is_chat_history: true
    default: []
  tone:
    type: string
    default: dry
    description: How the answer sounds
  loud:
    type: bool
    default: false
outputs:
  answer:
    type: string
    reference: ${say.output}
    is_chat_output: true
  tone:
    type: string
    reference: ${inputs.tone}
nodes:
- name: say
  type: python
  source:
    type: code
    path: say.py
  inputs:
    question: ${inputs.question}
    chat_history: ${inputs.chat_history}
    tone: ${inputs.tone}
    loud: ${inputs.loud}
"""
_SEE = """\
from promptflow.core import tool


@tool
def say(question: list, chat_history: list) -> list:
    return [f"{len(question)} parts, {len(chat_history)} turns before", question[-1]]
"""
_SEE_YAML = """\
inputs:
  question:
    type: list
    is_chat_input: true
  chat_history:
    type: list
    is_chat_history: true
    default: []
outputs:
  answer:
    type: list
    reference: ${say.output}
    is_chat_output: true
nodes:
- name: say
  type: python
  source:
    type: code
    path: say.py
  inputs:
    question: ${inputs.question}
    chat_history: ${inputs.chat_history}
"""
_NUMBERS = """\
from promptflow.core import tool


@tool
def say(count: int, options: dict) -> dict:
    return {"given": options, "text": f"{count} {options}"}
"""
_NUMBERS_YAML = """\
inputs:
  count:
    type: int
    default: 9007199254740993
  options:
    type: object
    default: {"id": 9007199254740993, "share": 0.0}
outputs:
  given:
    type: object
    reference: ${say.output.given}
  text:
    type: string
    reference: ${say.output.text}
nodes:
- name: say
  type: python
  source:
    type: code
    path: say.py
  inputs:
    count: ${inputs.count}
    options: ${inputs.options}
"""
_NASTY_DEFAULT = json.dumps(NASTY_TEXT, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\x7f", "\\x7f")
_NASTY_YAML = _PAGE_YAML.replace("    description: A city or country\n", f"    default: {_NASTY_DEFAULT}\n")
_FLOWS = {
    PAGE: (_PAGE, _PAGE_YAML),
    NASTY: (_PAGE, _NASTY_YAML),
    NUMBERS: (_NUMBERS, _NUMBERS_YAML),
    KINDS: (_KINDS, _KINDS_YAML),
    TALK: (_TALK, _TALK_YAML),
    SEE: (_SEE, _SEE_YAML),
}


def deploy(site: Installation, flow: str, *options: str, endpoint: str = "") -> str:
    """The endpoint that the flow is deployed to as `blue`; it is there at most once."""
    endpoint = endpoint or flow
    if site.api("GET", f"/onlineEndpoints/{endpoint}/deployments/blue").status_code == 404:
        code, yaml = _FLOWS[flow]
        with tempfile.TemporaryDirectory() as folder:
            written = write_flow(Path(folder) / flow, code, yaml=yaml)
            site.run("deploy", str(written), "--endpoint", endpoint, *options)
    return endpoint


def tab(endpoint: str, name: str, deployment: str = "blue") -> str:
    """Path of a tab of the deployment's page."""
    return f"/endpoints/{endpoint}/deployments/{deployment}?tab={name}"


def write_broken(site: Installation, endpoint: str) -> str:
    """An endpoint whose only deployment failed: the flow's code cannot be imported."""
    with tempfile.TemporaryDirectory() as folder:
        written = write_flow(Path(folder) / endpoint, "raise RuntimeError('cannot be imported')\n")
        done = site.run("deploy", str(written), "--endpoint", endpoint, check=False)
    assert done.returncode != 0, done.stdout
    return endpoint
