"""From a flow's folder to a flow that runs: environment, connections, code, plan."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from flowstead_runtime import promptflow_api
from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.connections.sources import WORKSPACE_PREFIX, ConnectionSource, resolve_environment
from flowstead_runtime.flow.definition import FlowDefinition, Node
from flowstead_runtime.flow.entry import INIT_VARIABLE, given_init, open_entry
from flowstead_runtime.flow.execute import execute
from flowstead_runtime.flow.flex_flow import FlexFlow
from flowstead_runtime.flow.inputs import image_rules
from flowstead_runtime.flow.load import read_definition
from flowstead_runtime.flow.plan import Plan, literals_of, make_plan
from flowstead_runtime.flow.prompty_flow import open_prompty
from flowstead_runtime.flow.references import InputReference, parse_reference
from flowstead_runtime.flow.running import Flow, RunContext, RunResult
from flowstead_runtime.flow.threads import ThreadPool
from flowstead_runtime.flow.traced_node import traced_node
from flowstead_runtime.tools.imports import add_to_path
from flowstead_runtime.tools.multimedia import dump_nested
from flowstead_runtime.tools.resolve import resolve
from flowstead_runtime.tools.resolved import Surroundings, ToolRequest


def open_flow(
    path: Path,
    *,
    connections: ConnectionSource,
    environ: MutableMapping[str, str],
    init: Mapping[str, Any] | None = None,
    confined: bool = False,
) -> Flow:
    """Read the flow and load all it needs. path: its folder or definition file; environ: the process environment, which
    gets the flow's variables where it has none of that name, and the fields that values `${connection.field}` ask for;
    init: the arguments for a flex flow's class, in place of those in PF_FLOW_INIT_CONFIG; confined: files that a
    prompty's settings, an image or a caller name must lie in the flow's folder.

    Imports the flow's code into this process and puts its folder first on sys.path; the working directory is
    the caller's business. Raises FlowDefinitionError, FlowLoadError or ConnectionInvalid.
    """
    definition = replace(read_definition(path), confined=confined)
    for name, value in definition.environment_variables.items():
        if WORKSPACE_PREFIX + name not in environ:  # else that would hide the workspace's connection
            environ.setdefault(name, value)
    resolve_environment(environ, connections, declared=definition.environment_variables)
    SECRETS.learn_environment(environ)  # before its code can say them
    promptflow_api.install()
    promptflow_api.use_connections(connections)
    add_to_path(definition.directory)
    if definition.flex is not None:
        values = init or given_init(environ.get(INIT_VARIABLE))
        return FlexFlow(open_entry(definition, definition.flex, values, connections))
    if definition.prompty is not None:
        return open_prompty(definition, connections, environ)
    surroundings = Surroundings(connections)
    tools = {
        node.name: traced_node(resolve(request := request_of(node, definition), surroundings), request)
        for node in definition.nodes
        if not node.aggregation
    }
    return DagFlow(definition, make_plan(definition, tools), surroundings)


class DagFlow:
    """A loaded DAG flow."""

    def __init__(self, definition: FlowDefinition, plan: Plan, surroundings: Surroundings) -> None:
        self._definition = definition
        self._plan = plan
        self._surroundings = surroundings
        self._pool = ThreadPool()

    @property
    def definition(self) -> FlowDefinition:
        return self._definition

    async def run(self, inputs: Mapping[str, Any], context: RunContext) -> RunResult:
        outputs = await execute(self._plan, inputs, self._pool, stream=context.stream)
        try:
            return RunResult(dump_nested(outputs, self._definition.message_format))
        except RecursionError:
            # No JSON either: who encodes the outputs says which of them it is.
            return RunResult(outputs)

    async def close(self) -> None:
        self._pool.close()
        for provider in self._surroundings.clients.values():
            await provider.client.close()


def request_of(node: Node, definition: FlowDefinition) -> ToolRequest:
    """What the node's tool is to be resolved from."""
    references = {name: parse_reference(value) for name, value in node.inputs.items()}
    return ToolRequest(
        node=node.name,
        type=node.type,
        source=node.source,
        directory=definition.directory,
        images=image_rules(definition),
        literals=literals_of(node),
        from_flow_inputs=frozenset(n for n, r in references.items() if isinstance(r, InputReference)),
        connection=node.connection,
        api=node.api,
        module=node.module,
    )
