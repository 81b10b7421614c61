"""What a deployment must keep to: one list for what its body says, one for the flow that it names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from flowstead.api.deployment_bodies import DeploymentBody
from flowstead.errors import ArtifactMissing, BadArgument, FlowInvalid
from flowstead.limits.host import host_here
from flowstead.resources.connection_use import REFERENCE_FORMS, what_is_wrong_with
from flowstead.resources.data_collector import COLLECTOR_VARIABLE
from flowstead.resources.deployment import DeploymentSpec
from flowstead.resources.names import Workspace
from flowstead.resources.runtime_images import check_image
from flowstead.resources.sizes import size_kept, size_named
from flowstead.store import Reading
from flowstead.store.records import Kind
from flowstead_runtime.errors import UserError
from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.flow.load import read_definition
from flowstead_runtime.flow.requirements import check_package_tools

MAX_VARIABLE_NAME = 256
MAX_VARIABLE_BYTES = 64 * 1024
MAX_VARIABLES_BYTES = 512 * 1024
"""Together they must fit into a process's environment, whose bound is 2 MiB on Linux."""

_CODE = re.compile(r"(?P<workspace>/subscriptions/.+)/codes/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", re.I)
_MODEL = re.compile(r"(?P<workspace>/subscriptions/.+)/models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", re.I)


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
            else "The deployment names no model, and a scoring script alone is not run here.",
            hint=f"Register the flow's folder as a model; its id is {workspace.path}/models/NAME/versions/VERSION.",
            target="properties.model",
        )
    return workspace.model(match["name"], match["version"])


def check_code(tx: Reading, body: DeploymentBody, workspace: Workspace) -> None:
    """codeConfiguration is kept and not run, as every journey of Azure's clients sends one; what it names must be there
    all the same. Raises BadArgument."""
    configuration = body.properties.code_configuration
    if configuration is None or configuration.code_id is None:
        return
    given = configuration.code_id
    match = _CODE.fullmatch(given)
    ours = match is not None and match["workspace"].lower() == workspace.path.lower()
    if not ours or tx.find(Kind.CODE_VERSION, given) is None:
        raise BadArgument(
            f"codeId {given[:200]!r} is not a version of a code asset in this workspace.",
            hint="Leave codeConfiguration out, a flow needs none; or register the code first: PUT "
            f"{workspace.path}/codes/NAME/versions/VERSION.",
            target="properties.codeConfiguration.codeId",
        )


def check_size(spec: DeploymentSpec, before: DeploymentSpec | None) -> None:
    """What an earlier version took stays. Raises BadArgument."""
    if before is None or before.instance_type != spec.instance_type:
        size_named(spec.instance_type)


def check_accelerators(spec: DeploymentSpec, before: DeploymentSpec | None) -> None:
    """Cores and memory beyond the machine's are ceilings; an accelerator cannot be promised. Raises BadArgument."""
    wanted, there = size_kept(spec.instance_type).gpus, host_here().gpus
    if wanted <= there or (before is not None and before.instance_type == spec.instance_type):
        return
    raise BadArgument(
        f"An instance of {spec.instance_type} has {wanted} accelerators; this machine has {there or 'none'}.",
        hint="Choose a size without accelerators, or one with fewer.",
        target="properties.instanceType",
    )


def check_sleep(spec: DeploymentSpec, before: DeploymentSpec | None) -> None:
    """Only the runtime's own processes end when nobody asks them. What was taken before is let through: they stay
    awake. Raises BadArgument."""
    if not (spec.base.needs_engine and spec.scale is not None and spec.scale.sleeps):
        return
    if before is not None and (before.base, before.scale) == (spec.base, spec.scale):
        return
    raise BadArgument(
        "Instances that are containers cannot be scaled to zero, and the environment's image makes them containers.",
        hint="Set minInstances to 1 or more, or take an environment without an image of its own; `stop` ends the "
        "instances until `start`.",
        target="properties.scaleSettings.minInstances",
    )


def check_flow(
    folder: Path, spoken: str, *, from_environment: bool, adds_packages: bool, has_engine: bool = False
) -> FlowDefinition:
    """The flow of a registered model, parsed, nothing imported. spoken: what messages call the model.
    from_environment: the deployment names an environment, so that the flow's own image does not count; adds_packages:
    which brings packages beside the flow's. has_engine: any image can be started.

    Raises ArtifactMissing, FlowInvalid (file and line), and BadArgument for an image that we cannot stand in
    for."""
    if not folder.is_dir():
        raise ArtifactMissing(f"The files of the model {spoken} are not in the store.", target="properties.model")
    try:
        definition = read_definition(folder)
        if not adds_packages:
            check_package_tools(definition)
    except UserError as problem:
        # The folder's place on this machine tells the user nothing.
        said = str(problem).replace(str(folder), f"the model {spoken}")
        raise FlowInvalid(f"The flow of {spoken} is not valid: {said}", target="properties.model") from None
    if not from_environment and not has_engine:
        check_image(definition.environment)
    return definition


def _is_managed(body: DeploymentBody) -> None:
    if body.properties.endpoint_compute_type.lower() != "managed":
        raise BadArgument(
            "endpointComputeType is not Managed; there is no other here.", target="properties.endpointComputeType"
        )


def _scale_settings_fit(body: DeploymentBody) -> None:
    settings = body.properties.scale_settings
    if settings is None:
        return
    if (settings.scale_type or "Default").lower() not in ("default", "targetutilization"):
        raise BadArgument(
            f"scaleType is {settings.scale_type!r}, which is neither Default nor TargetUtilization.",
            hint="Default: sku.capacity (instance_count in YAML) says how many instances there are.",
            target="properties.scaleSettings.scaleType",
        )
    if settings.min_instances > settings.max_instances:
        raise BadArgument(
            f"minInstances is {settings.min_instances}, and maxInstances only {settings.max_instances}.",
            target="properties.scaleSettings.minInstances",
        )


def _probe_times_fit(body: DeploymentBody) -> None:
    for field in ("liveness_probe", "readiness_probe"):
        probe = getattr(body.properties, field)
        if probe is not None and probe.timeout > max(probe.period, 1) * 60:
            raise BadArgument(
                f"The time-out of {field} is more than 60 of its periods.", target=f"properties.{field}.timeout"
            )


def _variables_can_be_set(body: DeploymentBody) -> None:
    check_variables(body.properties.environment_variables, "properties.environmentVariables")


def check_variables(variables: Mapping[str, str], field: str) -> None:
    """What an instance's environment can hold. field: where they stand in the body. Raises BadArgument."""
    total = 0
    for name, value in variables.items():
        target = f"{field}.{name[:MAX_VARIABLE_NAME]}"
        if not name or len(name) > MAX_VARIABLE_NAME or "=" in name or not name.isprintable():
            raise BadArgument(
                f"{name[:MAX_VARIABLE_NAME]!r} cannot be the name of an environment variable.", target=target
            )
        if name == COLLECTOR_VARIABLE:
            raise BadArgument(
                f"{name} is set by the server.", hint="Say in dataCollector what is to be collected.", target=target
            )
        if "\0" in value or len(value.encode("utf-8", "surrogatepass")) > MAX_VARIABLE_BYTES:
            raise BadArgument(f"The value of {name} is over {MAX_VARIABLE_BYTES} bytes or holds a NUL.", target=target)
        wrong = what_is_wrong_with(value)
        if wrong:
            raise BadArgument(
                f"The variable {name} holds no reference to a connection: {wrong}.",
                hint=f"Write {REFERENCE_FORMS}, and nothing else into the value.",
                target=target,
            )
        total += len(name) + len(value)
    if total > MAX_VARIABLES_BYTES:
        raise BadArgument(
            f"The environment variables together are over {MAX_VARIABLES_BYTES} bytes.",
            hint="Put large values into a file of the flow.",
            target=field,
        )


_BODY_RULES: tuple[Callable[[DeploymentBody], None], ...] = (
    _is_managed,
    _scale_settings_fit,
    _probe_times_fit,
    _variables_can_be_set,
)
