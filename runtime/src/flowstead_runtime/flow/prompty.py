"""The prompty part of a definition: its inputs and outputs, nothing resolved and nothing called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.flow import dag
from flowstead_runtime.flow.definition import FlowInput, FlowOutput, PromptyPart
from flowstead_runtime.tools.front_matter import read_parts
from flowstead_runtime.yaml_file import YamlMap, plain


@dataclass(frozen=True)
class PromptyDraft:
    inputs: Mapping[str, FlowInput]
    outputs: Mapping[str, FlowOutput]
    document: YamlMap
    part: PromptyPart


def read(file: Path) -> PromptyDraft:
    """Raises FlowDefinitionError for what is not of the right shape."""
    document, _ = read_parts(file)
    ports = dag.read_ports(document, file=file.name)
    if not isinstance(document.get("model"), YamlMap):
        raise FlowDefinitionError("its settings have no 'model'", file=file.name, line=document.line)
    sample = document.get("sample")
    only_sample = not ports.inputs and isinstance(sample, dict)
    part = PromptyPart(_names(sample) if only_sample else (), str(document.get("name") or file.stem))
    return PromptyDraft(ports.inputs, ports.outputs, document, part)


def _names(sample: Any) -> tuple[str, ...]:
    return tuple(str(name) for name in plain(sample))
