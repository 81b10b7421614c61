"""What a deployment must keep to: one list for what its body says, one for the flow that it names."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from flowstead.api.deployment_bodies import DeploymentBody
from flowstead.api.environments import DEFAULT_ENVIRONMENT, check_environment
from flowstead.errors import ArtifactMissing, BadArgument, FlowInvalid, ResourceNotFound
from flowstead.resources.deployment import DeploymentSpec
from flowstead.resources.names import Workspace
from flowstead.resources.runtime_images import check_image
from flowstead.resources.sizes import cores_of
from flowstead_runtime.errors import UserError
from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.flow.load import read_definition
from flowstead_runtime.flow.requirements import check_package_tools

MAX_VARIABLE_NAME = 256
MAX_VARIABLE_BYTES = 64 * 1024
MAX_VARIABLES_BYTES = 512 * 1024
"""Together they must fit into a process's environment, whose bound is 2 MiB on Linux."""

_RUNTIME_ENVIRONMENT = re.compile(r"azureml://registries/[^/]+/environments/promptflow-runtime[^/]*/.+", re.I)
_MODEL = re.compile(r"(?P<workspace>/subscriptions/.+)/models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", re.I)
_ENVIRONMENT = re.compile(
    r"(?P<workspace>/subscriptions/.+)/environments/(?P<name>[^/]+)/(?:versions|labels)/(?P<version>[^/]+)", re.I
)


def check_body(body: DeploymentBody) -> None:
    """What can be said without looking at what exists. Raises BadArgument."""
    for rule in _BODY_RULES:
        rule(body)


def check_model_id(body: DeploymentBody, workspace: Workspace) -> str:
    """The ARM id of the model version in this workspace. Raises BadArgument."""
    given = body.properties.model or ""
    match = _MODEL.fullmatch(given)
    if match is None or match["workspace"].lower() != workspace.path.lower():
        raise BadArgument(
            f"model {given[:200]!r} is not the id of a model version in this workspace."
            if given
            else "The deployment names no model.",
            hint=f"Register the flow's folder as a model; its id is {workspace.path}/models/NAME/versions/VERSION.",
            target="properties.model",
        )
    return workspace.model(match["name"], match["version"])


def check_environment_id(body: DeploymentBody, workspace: Workspace) -> str | None:
    """The environment's id, None for the flow's own. Raises BadArgument."""
    given = body.properties.environment_id
    if not given or _RUNTIME_ENVIRONMENT.fullmatch(given):
        return given or None
    match = _ENVIRONMENT.fullmatch(given)
    if match is not None and match["workspace"].lower() == workspace.path.lower():
        try:
            check_environment(match["name"], match["version"])
        except ResourceNotFound as missing:
            raise BadArgument(
                missing.message,
                hint="Leave environmentId out: packages come from the flow's requirements.txt.",
                target="properties.environmentId",
            ) from None
        return given
    raise BadArgument(
        f"environmentId {given[:200]!r} is not an environment of this workspace.",
        hint=f"Leave it out, or give {workspace.environment(DEFAULT_ENVIRONMENT, 'VERSION')}.",
        target="properties.environmentId",
    )


def check_flow(folder: Path, spoken: str) -> FlowDefinition:
    """The flow of a registered model, parsed, nothing imported. spoken: what messages call the model.

    Raises ArtifactMissing, FlowInvalid (file and line), and BadArgument for an image that we cannot stand in
    for."""
    if not folder.is_dir():
        raise ArtifactMissing(f"The files of the model {spoken} are not in the store.", target="properties.model")
    try:
        definition = read_definition(folder)
        check_package_tools(definition)
    except UserError as problem:
        # The folder's place on this machine tells the user nothing.
        said = str(problem).replace(str(folder), f"the model {spoken}")
        raise FlowInvalid(f"The flow of {spoken} is not valid: {said}", target="properties.model") from None
    check_image(definition.environment)
    return definition


def _size_is_known(body: DeploymentBody) -> None:
    cores_of(body.properties.instance_type or DeploymentSpec.instance_type)


def _is_managed(body: DeploymentBody) -> None:
    if body.properties.endpoint_compute_type.lower() != "managed":
        raise BadArgument(
            "endpointComputeType is not Managed; there is no other here.", target="properties.endpointComputeType"
        )


def _has_no_scoring_script(body: DeploymentBody) -> None:
    """A code asset alone is kept and shown again."""
    code = (body.properties.model_extra or {}).get("codeConfiguration")
    if code and (not isinstance(code, dict) or code.get("scoringScript")):
        raise BadArgument(
            "A scoring script (`init` and `run`) is not run here: what is deployed is a flow, which needs none.",
            hint="Leave codeConfiguration out; the model is the flow's folder (flow.dag.yaml, flow.flex.yaml or "
            "*.prompty).",
            target="properties.codeConfiguration",
        )


def _probe_times_fit(body: DeploymentBody) -> None:
    for field in ("liveness_probe", "readiness_probe"):
        probe = getattr(body.properties, field)
        if probe is not None and probe.timeout > max(probe.period, 1) * 60:
            raise BadArgument(
                f"The time-out of {field} is more than 60 of its periods.", target=f"properties.{field}.timeout"
            )


def _variables_can_be_set(body: DeploymentBody) -> None:
    total = 0
    for name, value in body.properties.environment_variables.items():
        target = f"properties.environmentVariables.{name[:MAX_VARIABLE_NAME]}"
        if not name or len(name) > MAX_VARIABLE_NAME or "=" in name or not name.isprintable():
            raise BadArgument(
                f"{name[:MAX_VARIABLE_NAME]!r} cannot be the name of an environment variable.", target=target
            )
        if "\0" in value or len(value.encode("utf-8", "surrogatepass")) > MAX_VARIABLE_BYTES:
            raise BadArgument(f"The value of {name} is over {MAX_VARIABLE_BYTES} bytes or holds a NUL.", target=target)
        total += len(name) + len(value)
    if total > MAX_VARIABLES_BYTES:
        raise BadArgument(
            f"The environment variables together are over {MAX_VARIABLES_BYTES} bytes.",
            hint="Put large values into a file of the flow.",
            target="properties.environmentVariables",
        )


_BODY_RULES: tuple[Callable[[DeploymentBody], None], ...] = (
    _size_is_known,
    _is_managed,
    _has_no_scoring_script,
    _probe_times_fit,
    _variables_can_be_set,
)
