"""What can be said of a flow without running it, and running it before it is deployed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from flowstead.api.context import Context, Here, Needs, demand
from flowstead.api.deployment_rules import check_variables
from flowstead.api.event_streams import EVENT_STREAM, EventStream
from flowstead.api.flow_bodies import FlowTestBody
from flowstead.api.flow_choices import named_by
from flowstead.api.flow_descriptions import as_json, described
from flowstead.api.flows import FLOW, Reader, state_of
from flowstead.environments.protocol import EnvironmentRequest
from flowstead.errors import BadArgument, FlowInvalid
from flowstead.flow_tests.instances import Wanted
from flowstead.flow_tests.relay import run_test
from flowstead.resources.connection_use import uses_of, variables_with_connections
from flowstead.resources.principal import Principal
from flowstead.resources.role import READ_SECRETS
from flowstead.resources.runtime_images import check_image
from flowstead_runtime.errors import Reason, RuntimeFailure
from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.flow.problems import Examined, Problem, examine
from flowstead_runtime.flow.requirements import read_requirements

router = APIRouter(tags=["flows"])
_NO_FILES = Examined(None, (Problem(Reason.NO_FLOW, "the flow has no files yet"),))
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "What happens, as it does", "content": {EVENT_STREAM: {"schema": {"type": "string"}}}}
}


@router.post(FLOW + "/validate", dependencies=[Reader], response_class=JSONResponse, response_model=None)
def validate_flow(flow: str, here: Here, version: str | None = None) -> Response:
    """All mistakes that can be seen without running it, each with file, line and column, and the flow's inputs and
    outputs as far as they could be read."""
    _, hash = state_of(here, flow, version)
    found = examine(here.flow_files.snapshot(hash)) if hash else _NO_FILES
    return Response(as_json(show_examined(found)), media_type="application/json")


@router.post(FLOW + "/test", response_class=Response, responses=_EVENTS)
def test_flow(
    flow: str,
    body: FlowTestBody,
    here: Here,
    caller: Annotated[Principal, Depends(Needs("workspaces/flows/test/action"))],
) -> Response:
    """Run the flow once, in an instance of its own environment, and tell what each node does as server-sent events:
    `preparing`, `ready`, `nodeStarted`, `log`, `nodeFinished`, `chunk`, and at the end `outputs` or `error`. The run
    ends when the caller leaves. Chat flows take their history as the input that it is."""
    return EventStream(run_test(here.flow_tests, _wanted(here, flow, body, caller), body.inputs))


def show_examined(found: Examined) -> dict[str, Any]:
    """On the wire."""
    problems = [
        {
            "severity": "warning" if each.warning else "error",
            "code": each.reason.value,
            "message": each.message,
            "file": each.file,
            "line": each.line,
            "column": each.column,
        }
        for each in found.problems
    ]
    flow = None if found.definition is None else _show_definition(found.definition)
    return {"valid": found.valid, "problems": problems, "flow": flow}


def _show_definition(flow: FlowDefinition) -> dict[str, Any] | None:
    """As for a model's flow, and its nodes; None when what it uses cannot be told."""
    try:
        shown = described(flow)
    except FlowInvalid:
        return None
    nodes = [{"name": each.name, "type": each.type, "aggregation": each.aggregation} for each in flow.nodes]
    return {**shown, "nodes": nodes}


def _wanted(here: Context, flow: str, body: FlowTestBody, caller: Principal) -> Wanted:
    """What is to run. Raises ResourceNotFound, BadArgument, FlowInvalid for a flow that cannot, and AuthorizationFailed
    for connections whose secrets the caller may not read: what runs could tell them."""
    check_variables(body.environment_variables, "environmentVariables")
    record, hash = state_of(here, flow, body.version)
    if not hash:
        raise _invalid(record.name, _NO_FILES)
    folder = here.flow_files.snapshot(hash)
    found = examine(folder)
    if found.definition is None or not found.valid:
        raise _invalid(record.name, found)
    _check_inputs(found.definition, body.inputs)
    check_image(found.definition.environment)
    try:
        environment = EnvironmentRequest(read_requirements(found.definition))
    except RuntimeFailure as problem:
        raise FlowInvalid(problem.message, hint=_MEND) from None
    variables = _with_connections(here, found.definition, body.environment_variables, caller)
    return Wanted(record.uid, record.name, folder, environment, variables, caller.object_id)


def _check_inputs(definition: FlowDefinition, given: Mapping[str, Any]) -> None:
    """A deployment passes over inputs that it does not know, as promptflow does; who tries a flow out has mistyped one.
    What a flex flow takes, only its code knows. Raises BadArgument."""
    known = [*definition.inputs, *(definition.prompty.sample_inputs if definition.prompty else ())]
    unknown = [repr(name[:80]) for name in given if name not in known]
    if unknown and definition.flex is None:
        raise BadArgument(
            f"The flow has no input {', '.join(unknown[:10])}.",
            hint=f"Its inputs are {', '.join(known)}." if known else "It takes none.",
            target="inputs",
        )


def _with_connections(
    here: Context, definition: FlowDefinition, variables: Mapping[str, str], caller: Principal
) -> dict[str, str]:
    """The variables, and what the flow's instances get of the workspace's connections."""
    uses = uses_of(named_by(definition, variables), variables)
    for use in uses:
        demand(caller, READ_SECRETS, here.workspace.connection(use.connection), here)
    with here.store.reading() as tx:
        documents = tx.connection_documents(here.workspace.path, (use.connection for use in uses))
    return variables_with_connections(variables, uses, documents)


_MEND = "Mend the flow at the place that is named above and test again."


def _invalid(name: str, found: Examined) -> FlowInvalid:
    first = next(each for each in found.problems if not each.warning)
    place = ":".join(str(each) for each in (first.file, first.line, first.column) if each)
    return FlowInvalid(f"The flow {name} is not valid: {place}{': ' if place else ''}{first.message}.", hint=_MEND)
