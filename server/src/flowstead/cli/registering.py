"""What a command sends before the thing itself: folders are uploaded, what is defined on the spot is registered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowstead.azure_yaml import (
    AssetId,
    CollectedData,
    DataDocument,
    DeploymentDocument,
    EnvironmentReference,
    InlineEnvironment,
    InlineModel,
    ModelReference,
    NamedAsset,
    data_properties,
)
from flowstead.cli.progress import Stages
from flowstead.client import Assets, FlowsteadClient
from flowstead.client.files import files_of
from flowstead.errors import BadArgument, FlowInvalid, ImmutableAsset, ResourceConflict, ResourceNotFound
from flowstead_runtime.errors import UserError
from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.flow.includes import assembled
from flowstead_runtime.flow.load import DEFINITION_FILES, read_definition
from flowstead_runtime.flow.requirements import check_package_tools

ANONYMOUS_ENVIRONMENT = "CliV2AnonymousEnvironment"
"""Azure ML's name for all environments that are defined where they are used."""
_HASH_CHARACTERS = 30
"""As many as an asset's version may have."""
Body = dict[str, Any]


def deployment_body(client: FlowsteadClient, document: DeploymentDocument, progress: Stages) -> Body:
    """The body of the PUT, with what the file names or defines registered and looked up. Raises BadArgument,
    FlowInvalid, ResourceNotFound."""
    body = {**document.body, "properties": dict(document.body["properties"])}
    properties = body["properties"]
    environment = environment_id(client, document.environment)
    if environment is not None:
        properties["environmentId"] = environment
    properties["model"] = model_id(client, document.model, progress, may_be_any=document.environment is not None)
    if document.code is not None:
        code = document.code.id if isinstance(document.code, AssetId) else client.codes.register(document.code)
        properties["codeConfiguration"] = {"codeId": code}
        if document.scoring_script:
            properties["codeConfiguration"]["scoringScript"] = document.scoring_script
    for name, reference in document.collected.items():
        properties["dataCollector"]["collections"][name]["dataId"] = data_id(client, reference)
    return body


def model_id(
    client: FlowsteadClient, reference: ModelReference | None, progress: Stages, *, may_be_any: bool = False
) -> str:
    """The ARM id of the model version; a model defined on the spot is registered first. may_be_any: it
    need not hold a flow, an image may know what to do with its files. Raises BadArgument, FlowInvalid,
    ResourceNotFound."""
    if reference is None:
        raise BadArgument("The deployment names no model.", hint="Write `model:` with `path:`, the flow's folder.")
    if isinstance(reference, InlineModel):
        if isinstance(reference.path, Path) and (holds_flow(reference.path) or not may_be_any):
            check_flow(reference.path)
        with progress.stage("Registering the model") as stage:
            stage.phase("uploading its files")
            return str(register_model(client, reference)["id"])
    return id_of(client.models, reference)


def environment_id(client: FlowsteadClient, reference: EnvironmentReference | None) -> str | None:
    """`environmentId` of the REST body, None when the file names none; one that is defined on the spot is registered
    first. Raises BadArgument, ResourceNotFound."""
    if reference is None:
        return None
    if isinstance(reference, InlineEnvironment):
        return str(register_environment(client, reference, anonymous=True)["id"])
    return id_of(client.environments, reference)


def data_id(client: FlowsteadClient, reference: CollectedData | NamedAsset | AssetId) -> str:
    """The ARM id of a collection's data asset; it is registered when it is not there."""
    if isinstance(reference, CollectedData):
        properties = {**data_properties(), "dataUri": reference.path}
        return str(client.data.put(reference.name, reference.version, properties)["id"])
    return id_of(client.data, reference)


def register_model(client: FlowsteadClient, model: InlineModel) -> Body:
    """Register a folder, a flow's with its `additional_includes`; without a name as an anonymous model. Returns the
    model version. Raises FlowInvalid for a broken flow; a folder without one is registered as it is."""
    if isinstance(model.path, str):
        return _register_uploaded(client, model, model.path)
    if holds_flow(model.path):
        check_flow(model.path)
    try:
        with assembled(model.path) as folder:
            if model.name is None:
                return client.register_anonymous(folder, dict(model.properties))
            return client.register(model.name, folder, dict(model.properties), version=model.version)
    except UserError as problem:
        raise FlowInvalid(str(problem)) from None


def register_environment(client: FlowsteadClient, environment: InlineEnvironment, *, anonymous: bool = False) -> Body:
    """Register an environment; its build context is uploaded. Without a version it becomes the next one, unless the
    latest is the same. Returns the environment version."""
    properties: Body = dict(environment.properties)
    if environment.build is not None:
        place = client.upload(environment.build.folder).address(client.session.credentials.url)
        properties["build"] = {"contextUri": f"{place}/", "dockerfilePath": environment.build.dockerfile}
    if anonymous:
        properties["isAnonymous"] = True
        return client.environments.put(ANONYMOUS_ENVIRONMENT, _hash_of(properties), properties)
    name = environment.name or ""
    if environment.version is not None:
        return client.environments.put(name, environment.version, properties)
    latest, following = _versions(client.environments, name)
    try:
        return client.environments.put(name, latest, properties)
    except (ResourceConflict, ImmutableAsset):
        return client.environments.put(name, following, properties)


def register_data(client: FlowsteadClient, data: DataDocument) -> Body:
    """Register a data asset; what is on this machine is uploaded. Returns the data version."""
    address = data.path if isinstance(data.path, str) else client.upload(data.path).uri
    version = data.version or client.data.next_version(data.name)
    return client.data.put(data.name, version, {**data.properties, "dataUri": address})


def holds_flow(path: Path) -> bool:
    """Whether it is a flow's folder, or a flow's definition file."""
    if path.is_file():
        return path.name in DEFINITION_FILES or path.suffix == ".prompty"
    return any((path / name).is_file() for name in DEFINITION_FILES) or any(path.glob("*.prompty"))


def check_flow(path: Path) -> FlowDefinition:
    """The flow's definition, parsed with its includes in place, nothing imported.

    Raises what the server would refuse later, when other things have been created: FlowInvalid, naming file and line;
    BadArgument and PayloadTooLarge for files that cannot be uploaded. Whether an image can be started, only the server
    knows."""
    if path.exists():
        files_of(path)  # first, since includes are merged into a copy, in which links have become files
    try:
        with assembled(path) as folder:
            definition = read_definition(folder)
            check_package_tools(definition)
            files_of(folder)
            return definition
    except UserError as problem:
        raise FlowInvalid(f"{path}: {problem}") from None


def id_of(assets: Assets, reference: NamedAsset | AssetId) -> str:
    """The ARM id of a version; the latest one's when none is named. Raises ResourceNotFound."""
    if isinstance(reference, AssetId):
        return reference.id
    found = assets.get(reference.name, reference.version) if reference.version else assets.latest(reference.name)
    return str(found["id"])


def _register_uploaded(client: FlowsteadClient, model: InlineModel, address: str) -> Body:
    """A model of what was uploaded before."""
    properties = {**model.properties, "modelUri": address}
    if model.name is None:
        return client.models.put(_hash_of(properties), "1", {**properties, "isAnonymous": True})
    return client.models.put(model.name, model.version or client.models.next_version(model.name), properties)


def _versions(assets: Assets, name: str) -> tuple[str, str]:
    """The latest version and the next one; both "1" for a new name."""
    try:
        properties = assets.container(name)["properties"]
    except ResourceNotFound:
        return "1", "1"
    following = str(properties["nextVersion"])
    return str(properties.get("latestVersion") or following), following


def _hash_of(properties: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(properties, sort_keys=True).encode()).hexdigest()[:_HASH_CHARACTERS]
