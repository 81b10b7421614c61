"""From a flow's folder to an endpoint that answers: the three stages of `deploy`, which `demo` goes through too."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowstead.cli.deploy_plan import DeployPlan
from flowstead.cli.following import follow
from flowstead.cli.progress import Stage, Stages
from flowstead.cli.scoring import credential_of
from flowstead.cli.traffic import all_to, check_movable, is_first, with_traffic
from flowstead.client import FlowsteadClient, Operation
from flowstead.errors import FlowInvalid
from flowstead.resources.endpoint import AuthMode
from flowstead_runtime.errors import UserError
from flowstead_runtime.flow.includes import assembled


@dataclass(frozen=True)
class Deployed:
    """credential: opens the endpoint, a key or a token by its mode. traffic: percent that the deployment gets
    now."""

    endpoint: dict[str, Any]
    deployment: dict[str, Any]
    credential: str = field(repr=False)
    traffic: int

    @property
    def has_keys(self) -> bool:
        return AuthMode(self.endpoint["properties"]["authMode"]) is AuthMode.KEY

    @property
    def scoring_uri(self) -> str:
        return str(self.endpoint["properties"]["scoringUri"])


def deploy(
    client: FlowsteadClient,
    flow: Path,
    plan: DeployPlan,
    progress: Stages,
    *,
    all_traffic: bool,
    wait: bool,
    flow_uri: str = "",
) -> Deployed:
    """Create what is missing, overwrite the deployment of that name. flow_uri: by which the server knows the flow, ""
    for a folder that is to be sent. The first deployment of an endpoint gets all
    traffic, another one only with `all_traffic`. Raises the error of the stage that failed."""
    with progress.stage("Creating an endpoint") as stage:
        endpoint = _endpoint(client, plan, stage)
    with progress.stage("Registering a model") as stage:
        model = _model(client, flow, flow_uri, plan, stage)
    with progress.stage("Creating a deployment") as stage:
        stage.note(f"{plan.endpoint}/{plan.deployment}")
        first = is_first(endpoint, client.deployments.all(plan.endpoint), plan.deployment)
        if all_traffic and not wait:
            check_movable(endpoint, plan.deployment)
        body = {**plan.deployment_body, "properties": {**plan.deployment_body["properties"], "model": model["id"]}}
        operation = client.deployments.put(plan.endpoint, plan.deployment, body)
        if first:
            # At once: there is nobody whom it could fail, and nobody may be here any more when it is ready, perhaps
            # after somebody has made a connection or a grant that it waits for.
            _send_all_traffic(client, plan, stage, wait=False)
        if wait:
            follow(operation, stage)
        if all_traffic:
            _send_all_traffic(client, plan, stage, wait=wait)
    shown = client.endpoints.get(plan.endpoint)
    return Deployed(
        endpoint=shown,
        deployment=client.deployments.get(plan.endpoint, plan.deployment),
        credential=credential_of(client, shown),
        traffic=int((shown["properties"].get("traffic") or {}).get(plan.deployment, 0)),
    )


def _endpoint(client: FlowsteadClient, plan: DeployPlan, stage: Stage) -> dict[str, Any]:
    found = client.endpoints.find(plan.endpoint)
    if found is not None:
        stage.note(f"{plan.endpoint}, which exists")
        return found
    stage.note(plan.endpoint)
    operation = client.endpoints.put(plan.endpoint, plan.endpoint_body)
    follow(operation, stage)
    return operation.resource


def _model(client: FlowsteadClient, flow: Path, flow_uri: str, plan: DeployPlan, stage: Stage) -> dict[str, Any]:
    if flow_uri:
        version = client.models.next_version(plan.model)
        model = client.models.put(plan.model, version, {**plan.model_properties, "modelUri": flow_uri})
        stage.note(f"{plan.model}, version {model['name']}")
        return model
    stage.phase("uploading its files")
    try:
        with assembled(flow) as folder:
            model = client.register(plan.model, folder, plan.model_properties)
    except UserError as problem:
        raise FlowInvalid(f"{flow}: {problem}") from None
    stage.note(f"{plan.model}, version {model['name']}")
    return model


def _send_all_traffic(client: FlowsteadClient, plan: DeployPlan, stage: Stage, *, wait: bool) -> None:
    endpoint = client.endpoints.get(plan.endpoint)
    if (endpoint["properties"].get("traffic") or {}) == all_to(plan.deployment):
        return
    operation: Operation = client.endpoints.put(plan.endpoint, with_traffic(endpoint, all_to(plan.deployment)))
    if wait:
        follow(operation, stage)
