"""What a deployment names: its model, registered when it is defined on the spot, and its environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowstead.azure_yaml import AssetId, EnvironmentReference, InlineEnvironment, InlineModel, ModelReference
from flowstead.cli.progress import Stages
from flowstead.client import FlowsteadClient
from flowstead.client.files import files_of
from flowstead.errors import BadArgument, FlowInvalid
from flowstead.resources.runtime_images import check_image, is_runtime_image
from flowstead_runtime.errors import UserError
from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.flow.includes import assembled
from flowstead_runtime.flow.load import read_definition
from flowstead_runtime.flow.requirements import check_package_tools

_ENVIRONMENT_HINT = "Leave `environment` out: packages come from requirements.txt in the flow's folder."


def model_id(client: FlowsteadClient, reference: ModelReference | None, progress: Stages) -> str:
    """The ARM id of the model version; a model defined on the spot is registered first. Raises BadArgument,
    FlowInvalid, ResourceNotFound."""
    if reference is None:
        raise BadArgument("The deployment names no model.", hint="Write `model:` with `path:`, the flow's folder.")
    if isinstance(reference, AssetId):
        return reference.id
    if isinstance(reference, InlineModel):
        with progress.stage("Registering the model") as stage:
            stage.phase("uploading its files")
            return str(register_flow(client, reference)["id"])
    if reference.version is None:
        return str(client.models.latest(reference.name)["id"])
    return str(client.models.get(reference.name, reference.version)["id"])


def register_flow(client: FlowsteadClient, model: InlineModel) -> dict[str, Any]:
    """Register a flow's folder with its `additional_includes`; without a name as an anonymous model. Returns the model
    version. Raises FlowInvalid when the folder holds no flow, or a broken one."""
    check_flow(model.path)
    try:
        with assembled(model.path) as folder:
            if model.name is None:
                return client.register_anonymous(folder, dict(model.properties))
            return client.register(model.name, folder, dict(model.properties), version=model.version)
    except UserError as problem:
        raise FlowInvalid(str(problem)) from None


def check_flow(path: Path) -> FlowDefinition:
    """The flow's definition, parsed with its includes in place, nothing imported.

    Raises what the server would refuse later, when other things have been created: FlowInvalid, naming file and line;
    BadArgument and PayloadTooLarge for files that cannot be uploaded; BadArgument for an image that needs a container
    engine."""
    if path.exists():
        files_of(path)  # first, since includes are merged into a copy, in which links have become files
    try:
        with assembled(path) as folder:
            definition = read_definition(folder)
            check_package_tools(definition)
            check_image(definition.environment)
            files_of(folder)
            return definition
    except UserError as problem:
        raise FlowInvalid(f"{path}: {problem}") from None


def environment_id(client: FlowsteadClient, reference: EnvironmentReference | None) -> str | None:
    """`environmentId` of the REST body; None for the flow's own environment. Raises BadArgument."""
    if reference is None:
        return None
    if isinstance(reference, AssetId):
        return reference.id
    if isinstance(reference, InlineEnvironment):
        _check_inline(reference)
        return None
    return client.session.workspace.environment(reference.name, reference.version or "latest")


def _check_inline(environment: InlineEnvironment) -> None:
    for field in ("conda_file", "build"):
        if environment.fields.get(field):
            raise BadArgument(f"environment.{field} is not supported yet.", hint=_ENVIRONMENT_HINT)
    if environment.image and not is_runtime_image(environment.image):
        raise BadArgument(
            f"environment.image {environment.image!r} is not supported yet: it needs a container engine.",
            hint=f"{_ENVIRONMENT_HINT} Of images, those of promptflow-runtime are taken.",
        )
