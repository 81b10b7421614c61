"""Online deployments: create, change, show, list, delete; their logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import JSONResponse, Response

from flowstead.api.arm import accepted, ordered, page, put_answer, resource_answer
from flowstead.api.autoscale_rules import check_scale
from flowstead.api.collected_data import with_data_assets
from flowstead.api.context import Context, Here, Needs
from flowstead.api.deployment_bodies import DeploymentBody, LogsBody, show, to_spec
from flowstead.api.deployment_environment import check_still_there, environment_of
from flowstead.api.deployment_rules import (
    check_accelerators,
    check_body,
    check_code,
    check_flow,
    check_model_id,
    check_size,
    check_sleep,
)
from flowstead.api.endpoints import ENDPOINTS
from flowstead.api.flow_choices import check_outputs, named_by
from flowstead.api.instance_logs import MAX_LINES, folder_of, tail
from flowstead.api.list_filters import online
from flowstead.api.merging import merge
from flowstead.api.preconditions import ForChange, ForPut, Preconditions
from flowstead.api.quota import check_quota
from flowstead.api.secret_values import MASK, Variables, separate
from flowstead.errors import BadArgument, PreconditionFailed, ResourceConflict, TrafficInUse
from flowstead.resources.connection_use import CONNECTION_SECRET_PREFIX, uses_of
from flowstead.resources.deployment import SECRET_VARIABLE_PREFIX, DeploymentSpec, restored
from flowstead.resources.environment import BaseEnvironment
from flowstead.resources.names import MAX_DEPLOYMENTS_PER_ENDPOINT, check_endpoint_name
from flowstead.resources.operation import OperationKind
from flowstead.resources.principal import Principal
from flowstead.resources.runtime_images import image_of
from flowstead.store import Reading, Writing
from flowstead.store.flow_sources import FlowSources
from flowstead.store.records import DeploymentRecord, EndpointRecord, Kind
from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.secret_values import redact

_DEPLOYMENTS = ENDPOINTS + "/{endpoint}/deployments"
DEPLOYMENT = _DEPLOYMENTS + "/{deployment}"
ACTION = "workspaces/onlineEndpoints/deployments"
_CONTAINERS = {"inferenceserver": False, "storageinitializer": True}
_TRIES = 100
"""How often a patch is merged anew because another change came first: files are read outside of the transaction, so
that read and write are two."""
router = APIRouter(tags=["deployments"])

Reader = Depends(Needs(f"{ACTION}/read"))
Writer = Annotated[Principal, Depends(Needs(f"{ACTION}/write"))]


@router.get(_DEPLOYMENTS, dependencies=[Reader])
def list_deployments(endpoint: str, request: Request, here: Here) -> dict[str, Any]:
    """The endpoint's deployments, by `name`, `tags`, `properties` and `computeType`."""
    with here.store.reading() as tx:
        parent = tx.get(Kind.ENDPOINT, here.workspace.endpoint(endpoint))
        found = tx.list(Kind.DEPLOYMENT, parent.id)
    return page(request, ordered(request, online(request, found)), show)


@router.get(DEPLOYMENT, dependencies=[Reader])
def get_deployment(endpoint: str, deployment: str, here: Here) -> JSONResponse:
    record = _get(here, endpoint, deployment)
    return resource_answer(record, show(record))


@router.put(DEPLOYMENT, status_code=201)
def put_deployment(
    endpoint: str, deployment: str, body: DeploymentBody, here: Here, caller: Writer, only_if: ForPut
) -> JSONResponse:
    """Create the deployment, with no traffic yet, or change it; a long-running operation."""
    return _put(endpoint, deployment, body, here, caller, only_if)


@router.patch(DEPLOYMENT)
def patch_deployment(
    endpoint: str,
    deployment: str,
    body: Annotated[dict[str, Any], Body()],
    here: Here,
    caller: Writer,
    only_if: ForChange,
) -> JSONResponse:
    """Change the parts that the body names (JSON merge patch), for example `{"sku": {"capacity": 2}}`; callers that
    meet are merged one after the other."""
    for _ in range(_TRIES):
        record = _get(here, endpoint, deployment)
        only_if.check(record, f"The deployment {record.name}")
        merged = merge(DeploymentBody, show(record), body)
        try:
            return _put(endpoint, deployment, merged, here, caller, Preconditions(record.etag), merged=True)
        except PreconditionFailed:
            continue  # somebody else was quicker: the patch is made to what is there now
    raise ResourceConflict(f"The deployment {deployment} is being changed all the time.", hint="Try again in a moment.")


@router.delete(DEPLOYMENT, status_code=202)
def delete_deployment(
    endpoint: str,
    deployment: str,
    here: Here,
    caller: Annotated[Principal, Depends(Needs(f"{ACTION}/delete"))],
    only_if: ForChange,
) -> Response:
    """Delete the deployment, which must have no traffic; a long-running operation. 204 when there is none."""
    with here.store.transaction() as tx:
        record = tx.find(Kind.DEPLOYMENT, here.workspace.deployment(endpoint, deployment))
        if record is None:
            return Response(status_code=204)
        only_if.check(record, f"The deployment {record.name}")
        _demand_no_traffic(tx.get(Kind.ENDPOINT, record.parent_id), record)
        operation = tx.mark_deleting(record.id, caller.name)
    here.hint()
    return accepted(here, operation)


@router.post(DEPLOYMENT + "/getLogs", dependencies=[Depends(Needs(f"{ACTION}/getLogs/action"))])
def get_logs(endpoint: str, deployment: str, here: Here, body: LogsBody | None = None) -> dict[str, str]:
    """The last lines of its instances' logs."""
    record = _get(here, endpoint, deployment)
    wanted = body or LogsBody()
    builds = is_storage_initializer(wanted.container_type or "InferenceServer")
    text = tail(
        folder_of(here.home, record),
        wanted.tail or MAX_LINES,
        storage_initializer=builds,
        instance=wanted.instance_id or "",
    )
    with here.store.reading() as tx:
        secrets = tx.secrets_in_logs(record)
    # What a flow prints is its own affair, but a log is read by more people than may know its secrets.
    return {"content": redact(text, secrets)}


def is_storage_initializer(container_type: str) -> bool:
    """Of the two containers that Azure names. Raises BadArgument."""
    container = container_type.lower()
    if container not in _CONTAINERS:
        raise BadArgument("containerType is neither InferenceServer nor StorageInitializer.", target="containerType")
    return _CONTAINERS[container]


def _put(
    endpoint: str,
    name: str,
    body: DeploymentBody,
    here: Context,
    caller: Principal,
    only_if: Preconditions,
    *,
    merged: bool = False,
) -> JSONResponse:
    """merged: the body is what a patch has made of what is there; what it does not say was taken away."""
    check_endpoint_name(name, "deployment")
    check_body(body)
    environment_id, base = environment_of(body, here)
    model_id, definition = _check_model(here, endpoint, body, base)
    if environment_id is None and definition is not None:
        base = replace(base, image=image_of(definition.environment))
    given = body.properties.environment_variables
    if definition is not None:
        check_outputs(definition, {**base.variables, **given})
    in_clear = {**base.variables, **_in_clear(given, _stored(here, endpoint, name))}
    named = named_by(definition, in_clear) if definition is not None else ()
    with here.store.transaction() as tx:
        parent = tx.get(Kind.ENDPOINT, here.workspace.endpoint(endpoint))
        before = tx.find(Kind.DEPLOYMENT, here.workspace.deployment(endpoint, name))
        only_if.check(before, f"The deployment {name}")
        _check_room(tx, parent, before)
        check_still_there(tx, environment_id)
        check_code(tx, body, here.workspace)
        stored = _stored_variables(tx, before)
        variables = separate(given, stored)
        uses = uses_of(named, {**base.variables, **_in_clear(given, stored)})
        spec = to_spec(
            body,
            model_id=model_id,
            environment_id=environment_id,
            base=base,
            variables=variables,
            connections=uses,
        )
        spec = replace(spec, stopped=before is not None and before.spec.stopped)
        if body.properties.request_settings is not None and before is not None and not merged:
            settings = body.properties.request_settings.to_settings(before.spec.request_settings)
            spec = replace(spec, request_settings=settings)
        if body.properties.scale_settings is None and before is not None and not merged:
            # Azure's SDK sends none for a managed deployment; that must not end what somebody has set.
            spec = replace(spec, scale=before.spec.scale)
        spec = _with_data_assets(tx, here, spec, parent, before.name if before else name, before, caller.name)
        brought_back = before is not None and _forget_connections(tx, before, spec, caller.name)
        check_size(spec, before.spec if before else None)
        check_accelerators(spec, before.spec if before else None)
        check_sleep(spec, before.spec if before else None)
        check_quota(tx, here, spec, before)
        if before is not None:
            check_scale(tx, before, spec)
        record, operation = tx.put(
            Kind.DEPLOYMENT,
            before.id if before else f"{parent.id}/deployments/{name}",
            parent.id,
            before.name if before else name,
            spec,
            by=caller.name,
            operation=OperationKind.UPDATE if before else OperationKind.CREATE,
            force=bool(variables.secret) or brought_back or _says_another_number(spec, before),
        )
        _store_variables(tx, record.id, variables, caller.name)
    here.hint()
    return put_answer(here, record, show(record), operation, created=before is None)


def _check_model(
    here: Context, endpoint: str, body: DeploymentBody, base: BaseEnvironment
) -> tuple[str, FlowDefinition | None]:
    """The id of the model in exact casing, and its flow, None where the image itself says what to do with its files;
    they are read outside of any transaction."""
    model_id = check_model_id(body, here.workspace)
    with here.store.reading() as tx:
        tx.get(Kind.ENDPOINT, here.workspace.endpoint(endpoint))  # the first thing to say when it is missing
        model = tx.find(Kind.MODEL_VERSION, model_id)
    if model is None:
        name, _, version = model_id.partition("/models/")[2].partition("/versions/")
        raise BadArgument(
            f"There is no version {version} of the model {name}.",
            hint="Register it first: flowstead model create.",
            target="properties.model",
        )
    if base.inference is not None:
        return model.id, None
    spoken = f"{model.parent_id.rpartition('/')[2]}:{model.name}"
    definition = check_flow(
        here.contents.locate(model.spec.content_hash),
        spoken,
        from_environment=body.properties.environment_id is not None,
        adds_packages=bool(base.requirements.strip()) or base.needs_engine,
        has_engine=here.has_container_engine,
    )
    FlowSources(here.home).keep(model.spec.content_hash, definition)
    return model.id, definition


def _check_room(tx: Reading, parent: EndpointRecord, before: DeploymentRecord | None) -> None:
    if parent.deleting:
        raise ResourceConflict(
            f"The endpoint {parent.name} is being deleted.", hint="Create it again when it is gone.", target=parent.id
        )
    if before is None and len(tx.list(Kind.DEPLOYMENT, parent.id)) >= MAX_DEPLOYMENTS_PER_ENDPOINT:
        raise BadArgument(
            f"The endpoint {parent.name} has {MAX_DEPLOYMENTS_PER_ENDPOINT} deployments, the most it can have.",
            hint="Delete one that gets no traffic.",
            target=parent.id,
        )


def _with_data_assets(
    tx: Writing,
    here: Context,
    spec: DeploymentSpec,
    parent: EndpointRecord,
    name: str,
    before: DeploymentRecord | None,
    by: str,
) -> DeploymentSpec:
    if spec.data_collector is None:
        return spec
    had = before.spec.data_collector if before is not None else None
    return replace(spec, data_collector=with_data_assets(tx, here, spec.data_collector, had, parent.name, name, by))


def _stored(here: Context, endpoint: str, name: str) -> Mapping[str, str]:
    with here.store.reading() as tx:
        return _stored_variables(tx, tx.find(Kind.DEPLOYMENT, here.workspace.deployment(endpoint, name)))


def _in_clear(given: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """The variables with what their masks stand for."""
    return {name: stored.get(name, value) if value == MASK else value for name, value in given.items()}


def _stored_variables(tx: Reading, before: DeploymentRecord | None) -> Mapping[str, str]:
    if before is None:
        return {}
    return {
        name.removeprefix(SECRET_VARIABLE_PREFIX): value
        for name, value in tx.secrets(before.id).items()
        if name.startswith(SECRET_VARIABLE_PREFIX)
    }


def _store_variables(tx: Writing, id: str, variables: Variables, by: str) -> None:
    wanted = {SECRET_VARIABLE_PREFIX + name for name in variables.secret_names}
    for name in tx.secrets(id):
        if name.startswith(SECRET_VARIABLE_PREFIX) and name not in wanted:
            tx.remove_secret(id, name, by)
    for name, value in variables.secret.items():
        tx.put_secret(id, SECRET_VARIABLE_PREFIX + name, value, by)


def _forget_connections(tx: Writing, before: DeploymentRecord, wanted: DeploymentSpec, by: str) -> bool:
    """Those that a roll-back brought back as they were: from now on it uses the workspace's again. Whether there were
    any. Another number of instances, or another name, leaves what they run as it is."""
    if wanted != before.spec and restored(before.spec, wanted) == before.spec:
        return False
    kept = [name for name in tx.secrets(before.id) if name.startswith(CONNECTION_SECRET_PREFIX)]
    for name in kept:
        tx.remove_secret(before.id, name, by)
    return bool(kept)


def _says_another_number(spec: DeploymentSpec, before: DeploymentRecord | None) -> bool:
    """Than an autoscale setting left it when it went; the specification alone may not tell."""
    scaled = before.status.scaled if before is not None else None
    return scaled is not None and scaled.kept and scaled.count != spec.instance_count


def _demand_no_traffic(endpoint: EndpointRecord, record: DeploymentRecord) -> None:
    if endpoint.deleting:
        return
    for word, shares in (("", endpoint.spec.traffic), ("mirrored ", endpoint.spec.mirror_traffic)):
        if shares.get(record.name, 0) > 0:
            raise TrafficInUse(
                f"The deployment {record.name} gets {shares[record.name]} % of the {word}traffic of {endpoint.name}.",
                target=record.id,
            )


def _get(here: Context, endpoint: str, deployment: str) -> DeploymentRecord:
    with here.store.reading() as tx:
        return tx.get(Kind.DEPLOYMENT, here.workspace.deployment(endpoint, deployment))
