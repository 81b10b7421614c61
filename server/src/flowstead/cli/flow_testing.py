"""`flowstead flow test`: a flow tried out, node by node."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from flowstead.cli.apps import HomeOption, OutputOption, QueryOption
from flowstead.cli.flow_sources import folder_of, sent_to_try
from flowstead.cli.opening import open_client
from flowstead.cli.output import show
from flowstead.cli.terminal import harmless
from flowstead.cli.variables import connection_variables, variables_from
from flowstead.client import FlowsteadClient
from flowstead.client.failures import failure_from
from flowstead.errors import BadArgument, CommandFailed
from flowstead.resources.named_file import read_named

_PHASES = {"BuildingEnvironment": "building the environment", "StartingInstance": "starting an instance"}
_MARKS = {"Completed": "✓", "Failed": "✗", "Bypassed": "-", "NotRun": "-"}
_SHOWN = 400
_MAX_INPUTS_BYTES = 16 * 1024 * 1024
"""Characters of a value that --details shows."""


def test_flow(
    flow: Annotated[str, typer.Argument(help="A flow's folder, or the name of one.", metavar="FLOW")],
    inputs: Annotated[
        list[str] | None,
        typer.Option("--inputs", help="NAME=VALUE …, the value JSON or text; or a .json file.", metavar="INPUTS"),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", help="A variable; NAME alone takes your shell's value.", metavar="NAME[=VALUE]"),
    ] = None,
    connections: Annotated[
        Path | None, typer.Option("--connections", help="A JSON file: name → type and fields.", metavar="FILE")
    ] = None,
    interactive: Annotated[bool, typer.Option("--interactive", help="Talk to a chat flow, line by line.")] = False,
    details: Annotated[bool, typer.Option("--details", help="Show what goes into each node, and comes out.")] = False,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Run a flow once and show what each of its nodes does.

    It runs where a deployment of it would: in an instance of its own on the server, with its own packages. A folder is
    sent there first, as a scratch flow that no list shows."""
    given = read_inputs(inputs)
    variables = {**connection_variables(connections), **variables_from(env, os.environ)}
    folder = folder_of(flow)
    with open_client(home) as client:
        name = flow if folder is None else sent_to_try(client, folder)
        if interactive:
            _talk(client, name, given, variables, details)
            return
        outputs = follow(client.flows.test(name, given, variables), details=details)
        show(outputs, output, query)


def _talk(
    client: FlowsteadClient, name: str, given: Mapping[str, Any], variables: Mapping[str, str], details: bool
) -> None:
    """One question a line, until an empty one or the end."""
    chat = Chat(client.flows.validate(name)["flow"])
    print("An empty line ends the conversation.", file=sys.stderr)
    while question := _ask():
        inputs = chat.inputs(question, given)
        said = _Said(chat.output)
        outputs = follow(client.flows.test(name, inputs, variables), details=details, quiet=not details, said=said)
        said.end(outputs)
        chat.remember(inputs, outputs)


def _ask() -> str:
    try:
        return input("You: " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return ""


class Chat:
    """A conversation: the names of its parts, and what was said. Raises BadArgument for a flow that is none."""

    def __init__(self, flow: dict[str, Any] | None) -> None:
        chat = (flow or {}).get("chat") or {}
        self._question: str = chat.get("input") or ""
        self._history: str = chat.get("history") or ""
        self.output: str = chat.get("output") or ""
        self._turns: list[dict[str, Any]] = []
        if not self._question:
            raise BadArgument(
                "--interactive: the flow is no chat.",
                hint="Mark an input with is_chat_input: true, or leave the option out.",
            )

    def inputs(self, question: str, given: Mapping[str, Any]) -> dict[str, Any]:
        inputs = {**given, self._question: question}
        return {**inputs, self._history: list(self._turns)} if self._history else inputs

    def remember(self, inputs: Mapping[str, Any], outputs: Any) -> None:
        said = {name: value for name, value in inputs.items() if name != self._history}
        self._turns.append({"inputs": said, "outputs": outputs})


class _Said:
    """The answer, written as it comes. output: which one it is."""

    def __init__(self, output: str) -> None:
        self._output = output
        self._begun = False

    def piece(self, output: str, value: Any) -> None:
        if output == self._output or not self._output:
            self._begun = True
            print(harmless(str(value), sys.stdout), end="", flush=True)

    def end(self, outputs: Any) -> None:
        if self._begun:
            print(flush=True)
        else:
            whole = outputs.get(self._output, outputs) if isinstance(outputs, Mapping) else outputs
            text = whole if isinstance(whole, str) else json.dumps(whole, ensure_ascii=False)
            print(harmless(text, sys.stdout), flush=True)


def follow(
    events: Iterable[tuple[str, dict[str, Any]]],
    *,
    details: bool = False,
    quiet: bool = False,
    said: _Said | None = None,
    stream: TextIO | None = None,
) -> Any:
    """The outputs, with what happens until then shown. Raises why the flow failed."""
    out = stream or sys.stderr
    for kind, content in events:
        if kind == "outputs":
            return content["outputs"]
        if kind == "error":
            failure = failure_from(content["error"])
            failure.next_step = failure.next_step or "Mend the flow and test it again."
            raise failure
        if kind == "chunk" and said is not None:
            said.piece(content["output"], content["value"])
        elif not quiet:
            for line in _lines(kind, content, details):
                print(harmless(line, out), file=out, flush=True)
    raise CommandFailed("The server went away while the flow ran.", hint="`flowstead status` shows what runs.")


def _lines(kind: str, content: dict[str, Any], details: bool) -> list[str]:
    """What is shown of an event."""
    if kind == "preparing":
        return [f"  {_PHASES.get(content['phase'], content['phase'])}"]
    if kind == "log":
        return [f"    {content['node']}: {content['text']}" if content["node"] else f"    {content['text']}"]
    if kind == "nodeStarted" and details:
        return [f"▸ {content['node']}  {_short(content['inputs'])}"]
    return _finished(content, details) if kind == "nodeFinished" else []


def _finished(content: dict[str, Any], details: bool) -> list[str]:
    status = content["status"]
    words = [_MARKS[status], content["node"]]
    if "durationMs" in content:
        words.append(f" {content['durationMs']:.0f} ms")
    total = (content.get("tokens") or {}).get("total")
    if total:
        words.append(f" {total} tokens")
    words += {"Bypassed": [" bypassed"], "NotRun": [" not run"]}.get(status, [])
    lines = [" ".join(words)]
    if status == "Failed":
        lines.append(f"    {content.get('error', '')}")
    elif details and "output" in content:
        lines.append(f"    {_short(content['output'])}")
    return lines


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def read_inputs(written: Iterable[str] | None) -> dict[str, Any]:
    """`NAME=VALUE`, the value as JSON where it is that, else as text; files of JSON objects. Later ones win. Raises
    BadArgument."""
    found: dict[str, Any] = {}
    for each in written or ():
        name, equals, value = each.partition("=")
        if equals and name.strip():
            found[name.strip()] = _value(value)
        elif each.endswith(".json"):
            found |= _of_file(Path(each))
        else:
            raise BadArgument(f"--inputs {each}: neither NAME=VALUE nor a .json file.")
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _of_file(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_named(file, _MAX_INPUTS_BYTES, option="--inputs").decode())
    except ValueError as problem:
        raise BadArgument(f"--inputs {file}: cannot be read as JSON: {problem}.") from None
    if not isinstance(document, dict):
        raise BadArgument(f"--inputs {file}: an object of inputs is expected.")
    return document
