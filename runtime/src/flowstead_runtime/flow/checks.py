"""What can be said against a DAG flow without running it: one list, in the order in which it is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.flow.definition import FlowDefinition, Node
from flowstead_runtime.flow.references import (
    InputReference,
    NodeReference,
    Reference,
    parse_output_reference,
    parse_reference,
)

NODE_TYPES = ("python", "prompt", "llm", "custom_llm")
LLM_APIS = ("chat", "completion")
_SOURCES = {
    "python": ("code", "package"),
    "prompt": ("code",),
    "llm": ("code",),
    "custom_llm": ("package_with_prompt",),
}


def check(definition: FlowDefinition, lines: Mapping[tuple[str, ...], int]) -> None:
    """Raises FlowDefinitionError for the first rule of `CHECKS` that the flow breaks. lines: as in `dag.DagDraft`."""
    case = _Case(definition, lines, {node.name: node for node in definition.nodes})
    for rule in CHECKS:
        rule(case)


def check_includes(definition: FlowDefinition) -> None:
    """As `check`, for a flow of any kind. A folder that was packed keeps the list, with the included files merged in;
    an unpacked one cannot be used as it is."""
    folder = definition.directory
    for written in definition.additional_includes:
        name = Path(written).name
        merged = folder / name.removesuffix(".zip")
        if inside(folder, written) is None and not (merged.exists() or (folder / name).exists()):
            problem = f"additional_includes: '{written}' lies outside the flow folder; copy '{name}' into the folder"
            raise FlowDefinitionError(problem, file=definition.file.name)


def inside(folder: Path, relative: str) -> Path | None:
    """The path of a file of the flow, or None when it would lie outside the folder, links followed."""
    if "\0" in relative:
        return None
    path = (folder / relative).resolve()
    return path if path.is_relative_to(folder.resolve()) else None


def references_of(node: Node) -> Iterator[tuple[str, Reference]]:
    """The references a node makes, with the name of the input, or `activate.when`."""
    for name, value in node.inputs.items():
        reference = parse_reference(value)
        if reference is not None:
            yield name, reference
    if node.activate is not None:
        reference = parse_reference(node.activate.when)
        if reference is not None:
            yield "activate.when", reference


@dataclass(frozen=True)
class _Case:
    definition: FlowDefinition
    lines: Mapping[tuple[str, ...], int]
    nodes: Mapping[str, Node]

    def wrong(self, problem: str, line: int) -> FlowDefinitionError:
        return FlowDefinitionError(problem, file=self.definition.file.name, line=line)

    def line_of_input(self, node: Node, name: str) -> int:
        return self.lines.get(("input", node.name, name), node.line)


def _names_are_unique(case: _Case) -> None:
    seen: dict[str, Node] = {}
    for node in case.definition.nodes:
        if node.name in seen:
            first = seen[node.name].line
            raise case.wrong(f"two nodes are named '{node.name}'; the first is at line {first}", node.line)
        seen[node.name] = node


def _types_are_known(case: _Case) -> None:
    for node in case.definition.nodes:
        if node.type not in NODE_TYPES:
            known = ", ".join(NODE_TYPES)
            raise case.wrong(f"node '{node.name}' has the unknown type '{node.type}'; it is one of {known}", node.line)
        if node.type == "llm" and node.api not in LLM_APIS:
            known = ", ".join(LLM_APIS)
            raise case.wrong(f"node '{node.name}' has the unknown api '{node.api}'; it is one of {known}", node.line)


def _sources_exist(case: _Case) -> None:
    for node in case.definition.nodes:
        kind = node.source.get("type", "code")
        allowed = _SOURCES[node.type]
        if not node.source:
            raise case.wrong(f"node '{node.name}' has no source", node.line)
        if kind not in allowed:
            raise case.wrong(
                f"node '{node.name}' of type {node.type} cannot have a source of type '{kind}'; "
                f"it is one of {', '.join(allowed)}",
                node.line,
            )
        if kind != "code" and not node.source.get("tool"):
            raise case.wrong(f"node '{node.name}': its source names no tool", node.line)
        if kind != "package":
            _source_file_exists(case, node)


def _source_file_exists(case: _Case, node: Node) -> None:
    written = node.source.get("path")
    if not written:
        raise case.wrong(f"node '{node.name}': its source names no path", node.line)
    path = inside(case.definition.directory, written)
    if path is None:
        raise case.wrong(f"node '{node.name}': '{written}' lies outside the flow folder", node.line)
    if not path.is_file():
        raise case.wrong(f"node '{node.name}': the file '{written}' does not exist in the flow folder", node.line)


def _includes_are_inside(case: _Case) -> None:
    check_includes(case.definition)


def _references_lead_somewhere(case: _Case) -> None:
    for node in case.definition.nodes:
        for name, reference in references_of(node):
            _check_reference(case, f"node '{node.name}'", reference, case.line_of_input(node, name))
    for name, output in case.definition.outputs.items():
        if output.reference in (None, ""):
            raise case.wrong(f"output '{name}' has no reference", case.lines.get(("output", name), 0))
        source = parse_output_reference(output.reference)
        if source is not None:
            _check_reference(case, f"output '{name}'", source, case.lines.get(("output", name), 0))


def _check_reference(case: _Case, who: str, reference: Reference, line: int) -> None:
    if isinstance(reference, InputReference):
        if reference.name not in case.definition.inputs:
            raise case.wrong(f"{who} refers to the flow input '{reference.name}', which does not exist", line)
        return
    if reference.node not in case.nodes:
        raise case.wrong(f"{who} refers to the node '{reference.node}', which does not exist", line)


def _aggregations_stay_apart(case: _Case) -> None:
    for node in case.definition.nodes:
        for name, reference in references_of(node):
            if not isinstance(reference, NodeReference):
                continue
            if node.aggregation:
                _check_aggregation(case, node, name, reference)
            elif case.nodes[reference.node].aggregation:
                raise case.wrong(
                    f"node '{node.name}' refers to the aggregation node '{reference.node}', which does not run for a "
                    "single request",
                    case.line_of_input(node, name),
                )


def _check_aggregation(case: _Case, node: Node, name: str, reference: NodeReference) -> None:
    if name == "activate.when" and not case.nodes[reference.node].aggregation:
        raise case.wrong(
            f"the aggregation node '{node.name}' cannot depend, by its activate, on '{reference.node}', which runs "
            "once for each request",
            node.line,
        )


def _no_cycle(case: _Case) -> None:
    done: set[str] = set()
    for start in case.nodes:
        cycle = _cycle_from(start, case, done)
        if cycle:
            raise case.wrong(f"the nodes wait for each other: {' → '.join(cycle)}", case.nodes[cycle[0]].line)


def _cycle_from(start: str, case: _Case, done: set[str]) -> list[str]:
    """The names along a cycle that is reached from `start`, its first name again at the end; empty when there
    is none."""
    path: list[str] = []
    stack: list[tuple[str, Iterator[str]]] = []
    if start not in done:
        path.append(start)
        stack.append((start, _upstream(case.nodes[start])))
    while stack:
        name, upstream = stack[-1]
        following = next(upstream, None)
        if following is None:
            done.add(name)
            path.pop()
            stack.pop()
        elif following in path:
            return [*path[path.index(following) :], following]
        elif following not in done:
            path.append(following)
            stack.append((following, _upstream(case.nodes[following])))
    return []


def _upstream(node: Node) -> Iterator[str]:
    return iter([r.node for _, r in references_of(node) if isinstance(r, NodeReference)])


CHECKS: tuple[Callable[[_Case], Any], ...] = (
    _names_are_unique,
    _types_are_known,
    _includes_are_inside,
    _sources_exist,
    _references_lead_somewhere,
    _aggregations_stay_apart,
    _no_cycle,
)
