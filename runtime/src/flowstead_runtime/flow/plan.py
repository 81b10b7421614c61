"""The plan of a DAG flow, made once at start: which node waits for which, where each argument comes from.

Nodes go by their number in the plan. Aggregation nodes are left out: they do not run for a single request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.flow.checks import references_of
from flowstead_runtime.flow.definition import FlowDefinition, Node
from flowstead_runtime.flow.references import (
    InputReference,
    NodeReference,
    Reference,
    parse_output_reference,
    parse_reference,
)
from flowstead_runtime.tools.resolved import Tool


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from: the flow input `input`, or, when that is None, the output of node number
    `node`, followed by `reference.path` when there is one."""

    input: str | None
    node: int
    reference: NodeReference | None = None
    may_omit: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """The node runs only if what `source` gives, or `literal` when there is no source, equals `equals`."""

    source: Source | None
    literal: Any
    equals: Any


@dataclass(frozen=True, slots=True)
class Step:
    """One node. waits: on how many nodes; dependents: the nodes that wait for it; bypass: the distinct nodes
    whose bypassing, if all of them are, bypasses this one too; streams: its result may be a stream when the
    caller wants one."""

    name: str
    tool: Tool
    constants: Mapping[str, Any]
    arguments: tuple[tuple[str, Source], ...]
    condition: Condition | None
    waits: int
    dependents: tuple[int, ...]
    bypass: tuple[int, ...]
    streams: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """steps: in an order in which they can run one by one. roots: those that wait for nothing. outputs: by
    name, a Source or a literal."""

    steps: tuple[Step, ...]
    roots: tuple[int, ...]
    outputs: tuple[tuple[str, Source | None, Any], ...]


def make_plan(definition: FlowDefinition, tools: Mapping[str, Tool]) -> Plan:
    """definition: a checked one; tools: resolved, by node name. Pure."""
    nodes = _in_order([node for node in definition.nodes if not node.aggregation], definition)
    number = {node.name: index for index, node in enumerate(nodes)}
    upstream = [_distinct_nodes(node, number) for node in nodes]
    dependents: list[list[int]] = [[] for _ in nodes]
    for index, needed in enumerate(upstream):
        for other in needed:
            dependents[other].append(index)
    outputs = tuple(_outputs(definition, number))
    shown = {source.node for _, source, _ in outputs if source and source.input is None and not source.reference}
    steps = tuple(
        _step(node, tools[node.name], number, len(upstream[index]), tuple(dependents[index]), index in shown)
        for index, node in enumerate(nodes)
    )
    return Plan(steps, tuple(i for i, needed in enumerate(upstream) if not needed), outputs)


def literals_of(node: Node) -> dict[str, Any]:
    """The node's inputs given as values. null and "" are left out, so that the parameter's default applies."""
    return {
        name: value
        for name, value in node.inputs.items()
        if parse_reference(value) is None and value is not None and value != ""
    }


def _in_order(nodes: list[Node], definition: FlowDefinition) -> list[Node]:
    placed: dict[str, Node] = {}
    left = list(nodes)
    while left:
        ready = [node for node in left if all(name in placed for name in _upstream_names(node))]
        if not ready:
            raise FlowDefinitionError("the nodes wait for each other", file=definition.file.name)
        placed.update((node.name, node) for node in ready)
        left = [node for node in left if node.name not in placed]
    return list(placed.values())


def _upstream_names(node: Node) -> set[str]:
    return {r.node for _, r in references_of(node) if isinstance(r, NodeReference)}


def _distinct_nodes(node: Node, number: Mapping[str, int]) -> list[int]:
    return sorted(number[name] for name in _upstream_names(node))


def _step(
    node: Node, tool: Tool, number: Mapping[str, int], waits: int, dependents: tuple[int, ...], shown: bool
) -> Step:
    arguments = []
    for name, value in node.inputs.items():
        reference = parse_reference(value)
        if reference is not None:
            arguments.append((name, _source(reference, number, may_omit=tool.may_omit(name))))
    condition = None
    if node.activate is not None:
        when = parse_reference(node.activate.when)
        source = None if when is None else _source(when, number)
        condition = Condition(source, node.activate.when, node.activate.equals)
    needed = {source.node for _, source in arguments if source.input is None}
    return Step(
        name=node.name,
        tool=tool,
        constants=tool.constants,
        arguments=tuple(arguments),
        condition=condition,
        waits=waits,
        dependents=dependents,
        bypass=() if condition is not None else tuple(sorted(needed)),
        streams=shown and not dependents and tool.stream is not None,
    )


def _source(reference: Reference, number: Mapping[str, int], *, may_omit: bool = False) -> Source:
    if isinstance(reference, InputReference):
        return Source(reference.name, -1)
    followed = reference if reference.path or reference.section != "output" else None
    return Source(None, number[reference.node], followed, may_omit)


def _outputs(definition: FlowDefinition, number: Mapping[str, int]) -> list[tuple[str, Source | None, Any]]:
    """Outputs that refer to an aggregation node are absent from the answer."""
    found: list[tuple[str, Source | None, Any]] = []
    for name, output in definition.outputs.items():
        reference = parse_output_reference(output.reference)
        if reference is None:
            found.append((name, None, output.reference))
        elif isinstance(reference, InputReference) or reference.node in number:
            found.append((name, _source(reference, number), None))
    return found
