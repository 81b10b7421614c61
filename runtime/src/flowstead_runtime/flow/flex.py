"""The flex part of a flow file: the entry, and the inputs, outputs and `init` that the author chose to declare.

Nothing is imported, so what the entry's own signature says is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.flow.dag import section
from flowstead_runtime.flow.definition import FlexPart, FlowInput, FlowOutput, ValueType
from flowstead_runtime.yaml_file import YamlMap, plain


@dataclass(frozen=True)
class FlexDraft:
    """code: the folder to work in, relative to the file's, "" for that itself."""

    entry: str
    code: str
    outputs: Mapping[str, FlowOutput]
    part: FlexPart


def read(document: YamlMap, *, file: str) -> FlexDraft:
    """Raises FlowDefinitionError for what is not of the right shape."""
    sample = document.get("sample")
    sample = sample if isinstance(sample, dict) else {}
    part = FlexPart(
        declared={name: _input(item) for name, item in _ports(document, "inputs", file) if _is_known(item)},
        init={name: plain(item.get("default")) for name, item in _ports(document, "init", file)},
        sample_inputs=_mapping(sample.get("inputs")),
        sample_init=_mapping(sample.get("init")),
    )
    outputs = {name: _output(item) for name, item in _ports(document, "outputs", file) if _is_known(item)}
    code = document.get("code")
    return FlexDraft(_entry(document, file), str(code) if code else "", outputs, part)


def _entry(document: YamlMap, file: str) -> str:
    entry = document.get("entry")
    if not isinstance(entry, str) or entry.count(":") != 1 or not all(entry.split(":")):
        raise FlowDefinitionError(
            f"the entry '{entry}' must name a module and what to call in it, as in 'entry: chat:answer'",
            file=file,
            line=document.line_of("entry"),
        )
    return entry


def _ports(document: YamlMap, key: str, file: str) -> list[tuple[str, YamlMap]]:
    found = section(document, key, file=file)
    for name, item in found.items():
        if not isinstance(item, YamlMap):
            problem = f"'{key}.{name}' must be a mapping with at least a type"
            raise FlowDefinitionError(problem, file=file, line=found.line_of(name))
    return [(str(name), item) for name, item in found.items()]


def _is_known(item: YamlMap) -> bool:
    """A port of a type that we do not know is left to the entry's signature."""
    return item.get("type") in set(ValueType)


def _input(item: YamlMap) -> FlowInput:
    return FlowInput(
        type=ValueType(item["type"]),
        default=plain(item.get("default")),
        description=str(item.get("description") or ""),
        is_chat_input=item.get("is_chat_input") is True,
        is_chat_history=item.get("is_chat_history") is True,
    )


def _output(item: YamlMap) -> FlowOutput:
    return FlowOutput(
        type=ValueType(item["type"]),
        description=str(item.get("description") or ""),
        is_chat_output=item.get("is_chat_output") is True,
        evaluation_only=item.get("evaluation_only") is True,
    )


def _mapping(value: Any) -> dict[str, Any]:
    return {str(key): plain(item) for key, item in value.items()} if isinstance(value, dict) else {}
