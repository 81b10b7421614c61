"""What `deploy` sends: names and bodies, made from the flow and the options. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowstead.azure_yaml import model_properties
from flowstead.resources.deployment import DeploymentSpec
from flowstead.resources.endpoint import ENFORCE_ACCESS, AuthMode
from flowstead.resources.flow_properties import flow_properties
from flowstead.resources.names import LOCATION, check_asset_name, check_endpoint_name
from flowstead_runtime.flow.definition import FlowDefinition

DEFAULT_DEPLOYMENT = "blue"
_LONGEST_NAME, _SHORTEST_NAME = 32, 3
_DEFAULT_SPEC = DeploymentSpec(model="")


@dataclass(frozen=True)
class DeployOptions:
    """What the command line says; "" and None: the default. variables: of the deployment, secrets among them. identity:
    ARM id of a user-assigned one, "" for the endpoint's own. enforce_access: the endpoint's own identity gets the role
    to read the secrets of connections."""

    endpoint: str = ""
    deployment: str = DEFAULT_DEPLOYMENT
    instance_type: str = ""
    instance_count: int | None = None
    auth_mode: AuthMode = AuthMode.KEY
    collect: bool = False
    identity: str = ""
    enforce_access: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class DeployPlan:
    """The names, checked, and the bodies; the deployment's lacks the model's id."""

    endpoint: str
    deployment: str
    model: str
    endpoint_body: dict[str, Any]
    model_properties: dict[str, Any]
    deployment_body: dict[str, Any] = field(repr=False)


def plan_deploy(flow: FlowDefinition, options: DeployOptions) -> DeployPlan:
    """Raises InvalidName."""
    endpoint = check_endpoint_name(options.endpoint or endpoint_name_from(flow.name))
    deployment = check_endpoint_name(options.deployment, "deployment")
    return DeployPlan(
        endpoint=endpoint,
        deployment=deployment,
        model=check_asset_name(model_name_from(flow.name)),
        endpoint_body=endpoint_body(options),
        model_properties=model_properties(tags={}, properties=flow_properties(flow, flow.name)),
        deployment_body=deployment_body(options),
    )


def endpoint_name_from(folder: str) -> str:
    """A valid endpoint name that a reader takes for the folder's: `My flow (2)` → `my-flow-2`."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")
    if not name[:1].isalpha():
        name = f"flow-{name}".strip("-")
    if len(name) < _SHORTEST_NAME:
        name = f"{name}-flow"
    return name[:_LONGEST_NAME].rstrip("-")


def model_name_from(folder: str) -> str:
    """A valid model name: `My flow (2)` → `My-flow-2`."""
    return re.sub(r"[^-_.A-Za-z0-9]+", "-", folder).strip("-_.")[:255] or "flow"


def endpoint_body(options: DeployOptions) -> dict[str, Any]:
    own: dict[str, Any] = {"type": "SystemAssigned"}
    assigned = {"type": "UserAssigned", "userAssignedIdentities": {options.identity: {}}}
    # Only an identity that the server makes is granted anything by it.
    enforced = {ENFORCE_ACCESS: "enabled"} if options.enforce_access and not options.identity else {}
    return {
        "location": LOCATION,
        "identity": assigned if options.identity else own,
        "properties": {"authMode": options.auth_mode.value, "description": "", "properties": enforced},
        "tags": {},
    }


def collector_body() -> dict[str, Any]:
    """What the one switch of Azure's wizard turns on: the flow's inputs and outputs."""
    return {"collections": {name: {"dataCollectionMode": "enabled"} for name in ("model_inputs", "model_outputs")}}


def deployment_body(options: DeployOptions) -> dict[str, Any]:
    """The body of the PUT, all but `properties.model`."""
    return {
        "location": LOCATION,
        "properties": {
            "endpointComputeType": "Managed",
            "instanceType": options.instance_type or _DEFAULT_SPEC.instance_type,
            "environmentVariables": dict(options.variables),
            **({"dataCollector": collector_body()} if options.collect else {}),
            "properties": {},
            "description": "",
        },
        "sku": {"name": "Default", "capacity": options.instance_count or _DEFAULT_SPEC.instance_count},
        "tags": dict(options.tags),
    }
