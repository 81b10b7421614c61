"""Models that are made of a flow's files as they are, without a client that sends them."""

from __future__ import annotations

import re
from pathlib import Path

from flowstead.api.context import PROVIDER, Context, demand
from flowstead.api.flows import state_of
from flowstead.api.model_bodies import ModelVersionBody
from flowstead.errors import FlowInvalid
from flowstead.resources.datastore import DATASTORE, UPLOADS
from flowstead.resources.flow_properties import flow_properties
from flowstead.resources.principal import Principal
from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.flow.load import read_definition

_URI = re.compile(r"azureml://flows/(?P<flow>[^/]+)(?:/versions/(?P<version>[^/]+))?/?", re.I)


def of_flow(here: Context, body: ModelVersionBody, caller: Principal) -> tuple[ModelVersionBody, Path] | None:
    """For a modelUri `azureml://flows/NAME[/versions/N]`: the body as if a client had sent the files, with the flow's
    properties, and the folder to register. None for any other address.

    What is registered is the snapshot, which no client can write. Raises ResourceNotFound, AuthorizationFailed,
    FlowInvalid."""
    match = _URI.fullmatch(body.properties.model_uri)
    if match is None:
        return None
    demand(caller, f"{PROVIDER}/workspaces/flows/read", here.workspace.flow(match["flow"]), here)
    record, hash = state_of(here, match["flow"], match["version"])
    if not hash:
        raise FlowInvalid(f"The flow {record.name} has no files yet.", target="properties.modelUri")
    folder = here.flow_files.snapshot(hash)
    try:
        stamped = flow_properties(read_definition(folder), record.name)
    except FlowDefinitionError as problem:
        said = str(problem).replace(str(folder), f"the flow {record.name}")
        raise FlowInvalid(f"The flow {record.name} is not valid: {said}", target="properties.modelUri") from None
    place = f"{UPLOADS}{hash}/{record.name}"
    given = body.properties
    changes = {"model_uri": _address(here, place), "properties": {**stamped, **given.properties}}
    return body.model_copy(update={"properties": given.model_copy(update=changes)}), folder


def _address(here: Context, place: str) -> str:
    workspace = here.workspace
    return (
        f"azureml://subscriptions/{workspace.subscription}/resourcegroups/{workspace.resource_group}"
        f"/workspaces/{workspace.name}/datastores/{DATASTORE}/paths/{place}"
    )
