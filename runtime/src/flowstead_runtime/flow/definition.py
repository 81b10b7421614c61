"""A flow as its files say it, parsed, nothing imported. The server may use this module too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class FlowKind(StrEnum):
    DAG = "dag"
    FLEX = "flex"
    PROMPTY = "prompty"


class ValueType(StrEnum):
    """Types of flow inputs and outputs, as promptflow spells them."""

    INT = "int"
    DOUBLE = "double"
    BOOL = "bool"
    STRING = "string"
    LIST = "list"
    OBJECT = "object"
    IMAGE = "image"


class MessageFormat(StrEnum):
    BASIC = "basic"
    OPENAI_VISION = "openai-vision"


@dataclass(frozen=True)
class FlowInput:
    """default None means: required."""

    type: ValueType
    default: Any = None
    description: str = ""
    is_chat_input: bool = False
    is_chat_history: bool = False


@dataclass(frozen=True)
class FlowOutput:
    """reference: `${node.output…}`, `${inputs.x}` or a literal, as written."""

    type: ValueType
    reference: Any = None
    description: str = ""
    is_chat_output: bool = False
    evaluation_only: bool = False


@dataclass(frozen=True)
class Activate:
    """Run the node only if the reference `when` equals `equals`."""

    when: str
    equals: Any


@dataclass(frozen=True)
class Node:
    """One step of a DAG flow. type: python | prompt | llm | custom_llm; source: {type:
    code|package|package_with_prompt, path?, tool?}; line: where it begins in the YAML, from 1."""

    name: str
    type: str
    source: Mapping[str, str]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    activate: Activate | None = None
    aggregation: bool = False
    connection: str = ""
    api: str = ""
    provider: str = ""
    module: str = ""
    line: int = 0


@dataclass(frozen=True)
class FlexPart:
    """What only a flex flow says. declared: the inputs as the YAML has them, the only ones that are converted; which
    inputs there are is for the entry's signature to say. init: defaults for the parameters of a class's constructor.
    sample_inputs, sample_init: used when there are none. qualname: of the entry, once its code is imported."""

    declared: Mapping[str, FlowInput] = field(default_factory=dict)
    init: Mapping[str, Any] = field(default_factory=dict)
    sample_inputs: Mapping[str, Any] = field(default_factory=dict)
    sample_init: Mapping[str, Any] = field(default_factory=dict)
    qualname: str = ""


@dataclass(frozen=True)
class PromptyPart:
    """What only a prompty says. sample_inputs: the names that its sample gives values for when it declares no inputs:
    callers may give these, though the flow's description does not show them. name: its own, else the file's."""

    sample_inputs: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class FlowDefinition:
    """name: the flow directory's name. directory: where its relative paths start. file: the definition file.
    environment: `environment` of the YAML (image, python_requirements_txt …) as written.
    samples: the first element of samples.json, or the one object that it is, or {}.
    confined: files that it or a caller names must lie in `directory`.
    inputs, outputs: of a flex flow, those of its YAML until its code is imported, then those of its entry's
    signature."""

    name: str
    kind: FlowKind
    directory: Path
    file: Path
    inputs: Mapping[str, FlowInput] = field(default_factory=dict)
    outputs: Mapping[str, FlowOutput] = field(default_factory=dict)
    nodes: tuple[Node, ...] = ()
    entry: str = ""
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    additional_includes: tuple[str, ...] = ()
    message_format: MessageFormat = MessageFormat.BASIC
    sample: Mapping[str, Any] = field(default_factory=dict)
    flex: FlexPart | None = None
    prompty: PromptyPart | None = None
    confined: bool = False

    @property
    def is_chat(self) -> bool:
        return any(i.is_chat_input for i in self.inputs.values())
