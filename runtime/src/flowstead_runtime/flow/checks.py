"""What can be said against a DAG flow without running it: one list, in the order in which it is checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from flowstead_runtime.errors import FlowDefinitionError, Reason
from flowstead_runtime.flow.definition import FlowDefinition, Node
from flowstead_runtime.flow.references import (
    InputReference,
    NodeReference,
    Reference,
    parse_output_reference,
    parse_reference,
)

Problems = Iterator[FlowDefinitionError]
NODE_TYPES = ("python", "prompt", "llm", "custom_llm")
LLM_APIS = ("chat", "completion")
_LONGEST_PATH = 2048
"""Linux takes 4096 bytes, the folder's own included."""
_SOURCES = {
    "python": ("code", "package"),
    "prompt": ("code",),
    "llm": ("code",),
    "custom_llm": ("package_with_prompt",),
}


def check(definition: FlowDefinition, lines: Mapping[tuple[str, ...], int]) -> None:
    """Raises FlowDefinitionError for the first rule of `CHECKS` that the flow breaks. lines: as in `dag.DagDraft`."""
    for problem in problems(definition, lines):
        raise problem


def problems(definition: FlowDefinition, lines: Mapping[tuple[str, ...], int]) -> Iterator[FlowDefinitionError]:
    """All that can be said against the flow, in the order of `CHECKS`."""
    case = _Case(definition, lines, {node.name: node for node in definition.nodes})
    for rule in CHECKS:
        yield from rule(case)


def check_includes(definition: FlowDefinition) -> None:
    """As `check`, for a flow of any kind. A folder that was packed keeps the list, with the included files merged in;
    an unpacked one cannot be used as it is."""
    for problem in include_problems(definition):
        raise problem


def include_problems(definition: FlowDefinition) -> Iterator[FlowDefinitionError]:
    """The includes that are not in the folder."""
    folder = definition.directory
    for written in definition.additional_includes:
        name = Path(written).name if _can_be_a_path(written) else "?"
        merged = folder / name.removesuffix(".zip")
        if inside(folder, written) is None and not (merged.exists() or (folder / name).exists()):
            problem = f"additional_includes: '{written}' lies outside the flow folder; copy '{name}' into the folder"
            yield FlowDefinitionError(problem, file=definition.file.name, reason=Reason.INCLUDE)


def inside(folder: Path, relative: str) -> Path | None:
    """The path of a file of the flow, or None when it would lie outside the folder, links followed, or cannot be a
    path at all."""
    if not _can_be_a_path(relative):
        return None
    path = (folder / relative).resolve()
    return path if path.is_relative_to(folder.resolve()) else None


def _can_be_a_path(written: str) -> bool:
    try:
        name = os.fsencode(written)
    except UnicodeEncodeError:
        return False
    return len(name) < _LONGEST_PATH and b"\0" not in name and all(len(each) < 256 for each in name.split(b"/"))


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

    def wrong(self, problem: str, line: int, reason: Reason = Reason.DEFINITION) -> FlowDefinitionError:
        return FlowDefinitionError(problem, file=self.definition.file.name, line=line, reason=reason)

    def line_of_input(self, node: Node, name: str) -> int:
        return self.lines.get(("input", node.name, name), node.line)


def _names_are_unique(case: _Case) -> Problems:
    seen: dict[str, Node] = {}
    for node in case.definition.nodes:
        if node.name in seen:
            first = seen[node.name].line
            problem = f"two nodes are named '{node.name}'; the first is at line {first}"
            yield case.wrong(problem, node.line, Reason.DUPLICATE)
        seen.setdefault(node.name, node)


def _types_are_known(case: _Case) -> Problems:
    for node in case.definition.nodes:
        if node.type not in NODE_TYPES:
            known = ", ".join(NODE_TYPES)
            yield case.wrong(f"node '{node.name}' has the unknown type '{node.type}'; it is one of {known}", node.line)
        if node.type == "llm" and node.api not in LLM_APIS:
            known = ", ".join(LLM_APIS)
            yield case.wrong(f"node '{node.name}' has the unknown api '{node.api}'; it is one of {known}", node.line)


def _sources_exist(case: _Case) -> Problems:
    for node in case.definition.nodes:
        if node.type in _SOURCES:
            yield from _source_problems(case, node)


def _source_problems(case: _Case, node: Node) -> Problems:
    """The first thing that is wrong with the node's source."""
    kind = node.source.get("type", "code")
    allowed = _SOURCES[node.type]
    if not node.source:
        yield case.wrong(f"node '{node.name}' has no source", node.line, Reason.SOURCE)
    elif kind not in allowed:
        yield case.wrong(
            f"node '{node.name}' of type {node.type} cannot have a source of type '{kind}'; "
            f"it is one of {', '.join(allowed)}",
            node.line,
            Reason.SOURCE,
        )
    elif kind != "code" and not node.source.get("tool"):
        yield case.wrong(f"node '{node.name}': its source names no tool", node.line, Reason.SOURCE)
    elif kind != "package":
        yield from _source_file_problems(case, node)


def _source_file_problems(case: _Case, node: Node) -> Problems:
    written = node.source.get("path")
    if not written:
        yield case.wrong(f"node '{node.name}': its source names no path", node.line, Reason.SOURCE)
        return
    path = inside(case.definition.directory, written)
    if path is None:
        problem = f"node '{node.name}': '{written}' lies outside the flow folder"
        yield case.wrong(problem, node.line, Reason.SOURCE)
    elif not path.is_file():
        problem = f"node '{node.name}': the file '{written}' does not exist in the flow folder"
        yield case.wrong(problem, node.line, Reason.SOURCE)


def _includes_are_inside(case: _Case) -> Problems:
    return include_problems(case.definition)


def _references_lead_somewhere(case: _Case) -> Problems:
    for node in case.definition.nodes:
        for name, reference in references_of(node):
            yield from _reference_problems(case, f"node '{node.name}'", reference, case.line_of_input(node, name))
    for name, output in case.definition.outputs.items():
        line = case.lines.get(("output", name), 0)
        if output.reference in (None, ""):
            yield case.wrong(f"output '{name}' has no reference", line, Reason.REFERENCE)
            continue
        source = parse_output_reference(output.reference)
        if source is not None:
            yield from _reference_problems(case, f"output '{name}'", source, line)


def _reference_problems(case: _Case, who: str, reference: Reference, line: int) -> Problems:
    if isinstance(reference, InputReference):
        if reference.name not in case.definition.inputs:
            problem = f"{who} refers to the flow input '{reference.name}', which does not exist"
            yield case.wrong(problem, line, Reason.REFERENCE)
    elif reference.node not in case.nodes:
        problem = f"{who} refers to the node '{reference.node}', which does not exist"
        yield case.wrong(problem, line, Reason.REFERENCE)


def _aggregations_stay_apart(case: _Case) -> Problems:
    for node in case.definition.nodes:
        for name, reference in references_of(node):
            other = case.nodes.get(reference.node) if isinstance(reference, NodeReference) else None
            if other is None:
                continue
            if node.aggregation and name == "activate.when" and not other.aggregation:
                yield case.wrong(
                    f"the aggregation node '{node.name}' cannot depend, by its activate, on '{other.name}', which "
                    "runs once for each request",
                    node.line,
                )
            elif other.aggregation and not node.aggregation:
                yield case.wrong(
                    f"node '{node.name}' refers to the aggregation node '{other.name}', which does not run for a "
                    "single request",
                    case.line_of_input(node, name),
                )


def _no_cycle(case: _Case) -> Problems:
    done: set[str] = set()
    for start in case.nodes:
        cycle = _cycle_from(start, case, done)
        if cycle:
            problem = f"the nodes wait for each other: {' → '.join(cycle)}"
            yield case.wrong(problem, case.nodes[cycle[0]].line, Reason.CYCLE)
            return  # what lies on it has not been looked at to the end


def _cycle_from(start: str, case: _Case, done: set[str]) -> list[str]:
    """The names along a cycle that is reached from `start`, its first name again at the end; empty when there
    is none."""
    path: list[str] = []
    stack: list[tuple[str, Iterator[str]]] = []
    on_path: set[str] = set()
    if start not in done:
        path.append(start)
        on_path.add(start)
        stack.append((start, _upstream(start, case)))
    while stack:
        name, upstream = stack[-1]
        following = next(upstream, None)
        if following is None:
            done.add(name)
            on_path.remove(path.pop())
            stack.pop()
        elif following in on_path:
            return [*path[path.index(following) :], following]
        elif following not in done:
            path.append(following)
            on_path.add(following)
            stack.append((following, _upstream(following, case)))
    return []


def _upstream(name: str, case: _Case) -> Iterator[str]:
    references = (reference for _, reference in references_of(case.nodes[name]))
    return iter([r.node for r in references if isinstance(r, NodeReference) and r.node in case.nodes])


CHECKS: tuple[Callable[[_Case], Problems], ...] = (
    _names_are_unique,
    _types_are_known,
    _includes_are_inside,
    _sources_exist,
    _references_lead_somewhere,
    _aggregations_stay_apart,
    _no_cycle,
)
