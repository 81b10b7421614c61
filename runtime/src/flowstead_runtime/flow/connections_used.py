"""Which connections a flow uses, found out with as little of its code imported as that needs, and none of it called."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from flowstead_runtime import promptflow_api
from flowstead_runtime.connections.sources import ConnectionSource, fields_in_environment, resolve_environment
from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.flow.definition import FlexPart, FlowDefinition
from flowstead_runtime.flow.entry import INIT_VARIABLE, connections_of_entry, given_init, init_values
from flowstead_runtime.flow.open import request_of
from flowstead_runtime.tools.builtin import BUILTIN_FUNCTIONS, BUILTIN_TOOLS, builtin_api
from flowstead_runtime.tools.imports import add_to_path
from flowstead_runtime.tools.literals import is_connection, options_of, parameters_of
from flowstead_runtime.tools.prompty import load_prompty, own_address, variables_of
from flowstead_runtime.tools.python import function_of
from flowstead_runtime.tools.resolved import ToolRequest


@dataclass(frozen=True)
class VariableUse:
    """A variable that reads `${connection.field}`. declared: by the flow, which does not start without it."""

    variable: str
    connection: str
    field: str
    declared: bool


@dataclass
class ConnectionsUsed:
    """nodes: by connection, who names it, in words. unnamed: those who name none and know an address by themselves.
    variables: of the environment. imported: what was imported to find out, in words. unknown: what could not be found
    out, and why."""

    nodes: dict[str, list[str]] = field(default_factory=dict)
    unnamed: list[str] = field(default_factory=list)
    variables: list[VariableUse] = field(default_factory=list)
    imported: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def add(self, names: list[str], who: str) -> None:
        for name in names:
            self.nodes.setdefault(name, []).append(who)


def connections_used(
    definition: FlowDefinition,
    connections: ConnectionSource,
    environ: MutableMapping[str, str],
    init: Mapping[str, Any],
) -> ConnectionsUsed:
    """environ gets the flow's variables as when it is opened; init: as for `open_flow`."""
    for name, value in definition.environment_variables.items():
        environ.setdefault(name, value)
    declared = definition.environment_variables
    used = ConnectionsUsed()
    used.variables += [VariableUse(*each, each.variable in declared) for each in fields_in_environment(environ)]
    resolve_environment(environ, connections)
    promptflow_api.install()
    promptflow_api.use_connections(connections)
    add_to_path(definition.directory)
    try:
        if definition.prompty is not None:
            _add_prompty(used, definition, environ)
        elif definition.flex is not None:
            _add_entry(used, definition, definition.flex, init or given_init(environ.get(INIT_VARIABLE)))
    except RuntimeFailure as failure:
        used.unknown.append(failure.message)
    for node in definition.nodes:
        if not node.aggregation:
            _add_node(used, request_of(node, definition))
    return used


def _add_prompty(used: ConnectionsUsed, definition: FlowDefinition, environ: Mapping[str, str]) -> None:
    prompty = load_prompty(definition.file, environ, confined=definition.confined)
    named = prompty.model.configuration.get("connection")
    who = f"prompty '{prompty.name}'"
    if named:
        used.add([str(named)], who)
        return
    own = own_address(prompty.model)
    variables = (
        f"{name} ({'set' if environ.get(name) else 'not set'})" for name in variables_of(prompty.model).values()
    )
    used.unnamed.append(
        f"{who} spells out {', '.join(own)} itself" if own else f"{who} reads the variables {', '.join(variables)}"
    )


def _add_entry(used: ConnectionsUsed, definition: FlowDefinition, part: FlexPart, init: Mapping[str, Any]) -> None:
    values = init_values(part, init)
    if values:
        who = f"entry '{definition.entry}'"
        used.imported.append(who)
        used.add(connections_of_entry(definition, values), who)


def _add_node(used: ConnectionsUsed, request: ToolRequest) -> None:
    who = f"node '{request.node}'"
    if request.type == "prompt":
        return
    if _calls_an_llm(request):
        name = request.connection or request.literals.get("connection")
        used.add([str(name)] if name else [], who)
        return
    texts = {name: value for name, value in request.literals.items() if isinstance(value, str)}
    if not texts:
        return
    try:
        owner, function = function_of(request)
    except RuntimeFailure as failure:
        used.unknown.append(failure.message)
        return
    parameters = parameters_of(function)
    if owner is not None and owner.__init__ is not object.__init__:  # type: ignore[misc]
        parameters = {**parameters_of(owner.__init__), **parameters}  # type: ignore[misc]
    wanted = [name for name, each in parameters.items() if any(map(is_connection, options_of(each.annotation)))]
    used.add([texts[name] for name in wanted if name in texts], who)
    if request.source.get("tool") not in BUILTIN_FUNCTIONS:
        used.imported.append(f"{request.source.get('path') or request.source.get('tool')} ({who})")


def _calls_an_llm(request: ToolRequest) -> bool:
    tool_id = request.source.get("tool", "")
    return request.type == "llm" or tool_id in BUILTIN_TOOLS or (bool(tool_id) and builtin_api(request) is not None)
