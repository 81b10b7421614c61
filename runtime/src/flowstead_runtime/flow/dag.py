"""The DAG part of a flow file: inputs, outputs, nodes with their default variants folded in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.flow.definition import Activate, FlowInput, FlowOutput, Node, ValueType
from flowstead_runtime.yaml_file import YamlMap, plain

MAX_NODES = 2000
"""Nobody reads a larger flow, and looking at all of its parts takes seconds."""
MAX_NAME = 256


@dataclass(frozen=True)
class DagDraft:
    """lines: where things stand in the file, by ("output", name) or ("input", node, name)."""

    inputs: Mapping[str, FlowInput]
    outputs: Mapping[str, FlowOutput]
    nodes: tuple[Node, ...]
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)


def read(document: YamlMap, *, file: str) -> DagDraft:
    """Raises FlowDefinitionError for what is not of the right shape; how the parts fit together is `checks`'
    business."""
    ports = read_ports(document, file=file)
    reader = _Reader(file)
    nodes = tuple(reader.node(item) for item in reader.unfolded(document))
    return replace(ports, nodes=nodes, lines={**ports.lines, **reader.lines})


def read_ports(document: YamlMap, *, file: str) -> DagDraft:
    """Only the inputs and outputs, which a prompty has in the same form. Raises FlowDefinitionError."""
    reader = _Reader(file)
    inputs = {name: reader.flow_input(name, item) for name, item in reader.items(document, "inputs")}
    outputs = {name: reader.flow_output(name, item) for name, item in reader.items(document, "outputs")}
    return DagDraft(inputs, outputs, (), reader.lines)


def section(document: YamlMap, key: str, *, file: str) -> YamlMap:
    """A mapping of the document, empty when absent. Raises FlowDefinitionError when it is something else."""
    value = document.get(key)
    if value is None:
        value = YamlMap()
        value.line, value.lines = document.line, {}
    if not isinstance(value, YamlMap):
        raise FlowDefinitionError(f"'{key}' must be a mapping", file=file, line=document.line_of(key))
    return value


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file
        self.lines: dict[tuple[str, ...], int] = {}

    def items(self, document: YamlMap, key: str) -> list[tuple[str, YamlMap]]:
        found = section(document, key, file=self._file)
        result = []
        for name, item in found.items():
            if not isinstance(item, YamlMap):
                raise self._wrong(f"'{key}.{name}' must be a mapping with at least a type", found.line_of(name))
            result.append((str(name), item))
        return result

    def flow_input(self, name: str, item: YamlMap) -> FlowInput:
        return FlowInput(
            type=self._type(item, f"input '{name}'"),
            default=plain(item.get("default")),
            description=str(item.get("description") or ""),
            is_chat_input=item.get("is_chat_input") is True,
            is_chat_history=item.get("is_chat_history") is True,
        )

    def flow_output(self, name: str, item: YamlMap) -> FlowOutput:
        self.lines["output", name] = item.line_of("reference")
        return FlowOutput(
            type=self._type(item, f"output '{name}'"),
            reference=plain(item.get("reference", "")),
            description=str(item.get("description") or ""),
            is_chat_output=item.get("is_chat_output") is True,
            evaluation_only=item.get("evaluation_only") is True,
        )

    def unfolded(self, document: YamlMap) -> list[YamlMap]:
        """The nodes as written, those that use variants replaced by their default variant's node."""
        nodes = document.get("nodes")
        nodes = [] if nodes is None else nodes
        if not isinstance(nodes, list):
            raise self._wrong("'nodes' must be a list", document.line_of("nodes"))
        if len(nodes) > MAX_NODES:
            problem = f"a flow has at most {MAX_NODES} nodes; this one has {len(nodes)}"
            raise self._wrong(problem, document.line_of("nodes"))
        variants = section(document, "node_variants", file=self._file)
        result = []
        for item in nodes:
            if not isinstance(item, YamlMap):
                raise self._wrong("a node must be a mapping", document.line_of("nodes"))
            result.append(self._default_variant(item, variants) if item.get("use_variants") is True else item)
        return result

    def _default_variant(self, item: YamlMap, variants: YamlMap) -> YamlMap:
        name = item.get("name")
        group = variants.get(name)
        if not isinstance(group, YamlMap):
            raise self._wrong(f"node '{name}' uses variants, but node_variants has no '{name}'", item.line)
        wanted = group.get("default_variant_id")
        choices = group.get("variants")
        chosen = choices.get(wanted) if isinstance(choices, YamlMap) else None
        node = chosen.get("node") if isinstance(chosen, YamlMap) else None
        if not isinstance(node, YamlMap):
            raise self._wrong(f"node '{name}': there is no variant '{wanted}' (default_variant_id)", group.line)
        folded = YamlMap(node)
        folded["name"] = name
        folded.line, folded.lines = node.line, node.lines
        return folded

    def node(self, item: YamlMap) -> Node:
        name = item.get("name")
        if not isinstance(name, str) or not name:
            raise self._wrong("a node has no name", item.line)
        if len(name) > MAX_NAME:  # every error about the node and its inputs repeats it
            raise self._wrong(f"the node's name has more than {MAX_NAME} characters", item.line)
        inputs = self._node_mapping(item, "inputs", name)
        for key in inputs:
            self.lines["input", name, str(key)] = inputs.line_of(key)
        source = self._node_mapping(item, "source", name)
        return Node(
            name=name,
            type=str(item.get("type") or ""),
            source={str(key): str(value) for key, value in source.items() if value is not None},
            inputs={str(key): plain(value) for key, value in inputs.items()},
            activate=self._activate(item, name),
            aggregation=item.get("aggregation") is True or item.get("reduce") is True,
            connection=str(item.get("connection") or ""),
            api=str(item.get("api") or ""),
            provider=str(item.get("provider") or ""),
            module=str(item.get("module") or ""),
            line=item.line,
        )

    def _node_mapping(self, item: YamlMap, key: str, name: str) -> YamlMap:
        if not isinstance(item.get(key, None), YamlMap | None):
            raise self._wrong(f"node '{name}': '{key}' must be a mapping", item.line_of(key))
        return section(item, key, file=self._file)

    def _activate(self, item: YamlMap, name: str) -> Activate | None:
        value = item.get("activate")
        if value is None:
            return None
        if not isinstance(value, YamlMap) or "when" not in value or "is" not in value:
            raise self._wrong(f"node '{name}': activate needs both 'when' and 'is'", item.line_of("activate"))
        return Activate(when=str(value["when"]), equals=plain(value["is"]))

    def _type(self, item: YamlMap, what: str) -> ValueType:
        written = item.get("type")
        if written not in set(ValueType):
            known = ", ".join(ValueType)
            raise self._wrong(f"{what} has the unknown type '{written}'; it is one of {known}", item.line_of("type"))
        return ValueType(written)

    def _wrong(self, problem: str, line: int) -> FlowDefinitionError:
        return FlowDefinitionError(problem, file=self._file, line=line)
