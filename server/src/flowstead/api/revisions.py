"""The revisions of a deployment: listed, and gone back to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import ConfigDict, PlainValidator

from flowstead.api.arm import accepted, page
from flowstead.api.bodies import Body
from flowstead.api.context import PROVIDER, Here, Needs
from flowstead.api.deployment_bodies import show_restored
from flowstead.api.deployments import ACTION, DEPLOYMENT
from flowstead.api.durations import to_duration
from flowstead.api.field_changes import changes_between, leaves
from flowstead.api.preconditions import ForChange
from flowstead.api.quota import check_quota
from flowstead.api.secret_values import MASK
from flowstead.errors import NothingToGoBackTo, ResourceConflict, RevisionFilesGone, RevisionNotFound
from flowstead.resources.connection_use import CONNECTION_SECRET_PREFIX
from flowstead.resources.deployment import SECRET_VARIABLE_PREFIX, DeploymentSpec, restored
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.operation import OperationKind
from flowstead.resources.principal import Principal
from flowstead.store import Reading, Writing
from flowstead.store.records import DeploymentRecord, Kind, Revision

_TYPE = "workspaces/onlineEndpoints/deployments/revisions"
_RUNTIME = {"field": "runtime", "before": None, "after": None}
"""What has changed where no field has: Flowstead itself, or what a build of the same requirements gave."""
_IDLE = "scaleSettings.idleTime"
"""Instances are started with it, so another one makes a revision; like all settings of scale it is the deployment's own
and does not come back."""
_SECRETS = {SECRET_VARIABLE_PREFIX: "environmentVariables.", CONNECTION_SECRET_PREFIX: "connections."}
"""What the names of kept secrets begin with → the field that shows them."""
_LONGEST_NAME = 64
router = APIRouter(tags=["deployments"])


def _number_or_name(value: object) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME:
        return value
    raise ValueError("neither the number of a revision, from 1, nor its name")


class RollbackBody(Body):
    """revision: its number or its name, of several with one name the newest; absent: the one that served before the
    present one. Nothing else is taken: what is misspelt must not mean that one."""

    model_config = ConfigDict(extra="forbid")

    revision: Annotated[int | str, PlainValidator(_number_or_name, json_schema_input_type=int | str)] | None = None


@router.get(DEPLOYMENT + "/revisions", dependencies=[Depends(Needs(f"{_TYPE}/read"))])
def list_revisions(endpoint: str, deployment: str, request: Request, here: Here) -> dict[str, Any]:
    """What its instances ran, run or shall run, newest first; the last ten, and the one that serves."""
    with here.store.reading() as tx:
        record = tx.get(Kind.DEPLOYMENT, here.workspace.deployment(endpoint, deployment))
        kept = tx.revisions.all(record)
    states = _states(record, kept)
    shown = [_show(record, *each) for each in zip_longest(kept, states, kept[1:])]
    return page(request, shown, lambda each: each)


@router.post(DEPLOYMENT + "/rollback", status_code=202)
def roll_back(
    endpoint: str,
    deployment: str,
    here: Here,
    caller: Annotated[Principal, Depends(Needs(f"{ACTION}/rollback/action"))],
    only_if: ForChange,
    body: RollbackBody | None = None,
) -> Response:
    """Go back to an earlier revision: its model, environment, variables, secrets, connections, settings and size, as
    they were kept; a change like every other, a long-running operation. How many instances there are, when they sleep,
    and the traffic, stay."""
    with here.store.transaction() as tx:
        record = tx.get(Kind.DEPLOYMENT, here.workspace.deployment(endpoint, deployment))
        only_if.check(record, f"The deployment {record.name}")
        _demand_lasting(tx, record)
        kept = tx.revisions.all(record)
        wanted = (body or RollbackBody()).revision
        revision = _before_the_present(tx, record, kept) if wanted is None else _named(record, kept, wanted)
        _demand_files(tx, revision)
        spec = restored(record.spec, revision.spec)
        check_quota(tx, here, spec, record)
        changed = _restore_secrets(tx, record, revision, caller.name)
        _, operation = tx.put(
            Kind.DEPLOYMENT,
            record.id,
            record.parent_id,
            record.name,
            spec,
            by=caller.name,
            operation=OperationKind.UPDATE,
            force=changed,
            detail=f"roll-back to revision {revision.number}, {revision.name}",
        )
    if operation is None:
        raise TypeError("A deployment's change is always an operation.")
    here.hint()
    return accepted(here, operation)


def _demand_lasting(tx: Reading, record: DeploymentRecord) -> None:
    if record.deleting or tx.get(Kind.ENDPOINT, record.parent_id).deleting:
        raise ResourceConflict(
            f"The deployment {record.name} is being deleted.", hint="Create it again when it is gone.", target=record.id
        )


def _named(record: DeploymentRecord, kept: Sequence[Revision], wanted: int | str) -> Revision:
    """kept: newest first. Raises RevisionNotFound."""
    found = next((each for each in kept if each.name == wanted), None)
    if found is None and str(wanted).isascii() and str(wanted).isdigit():
        found = next((each for each in kept if each.number == int(wanted)), None)
    if found is not None:
        return found
    there = ", ".join(str(each.number) for each in kept)
    known = f"It has the revisions {there}." if there else "It has none yet."
    raise RevisionNotFound(
        f"The deployment {record.name} has no revision {wanted}, or does not keep it any more. {known}",
        target=f"{record.id}/revisions/{wanted}",
    )


def _before_the_present(tx: Reading, record: DeploymentRecord, kept: Sequence[Revision]) -> Revision:
    """kept: newest first. What is wanted now may serve already, be on its way, or have failed; or nobody has looked at
    it yet, then it is none of them. Raises NothingToGoBackTo."""
    seen = record.observed_generation == record.generation
    present = next(iter(kept), None) if seen else _wanted(tx, record)
    served = (each for each in kept if each.kept_at and each is not present)
    found = next((each for each in served if present is not None and not _like(each, present)), None)
    if found is None:
        raise NothingToGoBackTo(f"No revision of the deployment {record.name} served before.", target=record.id)
    return found


def _wanted(tx: Reading, record: DeploymentRecord) -> Revision:
    model = tx.find(Kind.MODEL_VERSION, record.spec.model)
    return Revision("", record.spec, "" if model is None else model.spec.content_hash, tx.instance_secrets(record))


def _like(one: Revision, other: Revision) -> bool:
    """Going from one to the other brings nothing back. Their names may differ all the same: by what no revision brings
    back."""
    same = (one.content_hash, dict(one.secrets)) == (other.content_hash, dict(other.secrets))
    return same and restored(one.spec, other.spec) == one.spec


def _demand_files(tx: Reading, revision: Revision) -> None:
    """Raises RevisionFilesGone unless the model is the one that it was."""
    model = tx.find(Kind.MODEL_VERSION, revision.spec.model)
    if model is not None and model.spec.content_hash == revision.content_hash:
        return
    name, _, version = revision.spec.model.partition("/models/")[2].partition("/versions/")
    was = "has been deleted" if model is None else "has other files by now"
    raise RevisionFilesGone(
        f"Revision {revision.number} runs the model {name}:{version}, which {was}.", target=revision.spec.model
    )


def _restore_secrets(tx: Writing, record: DeploymentRecord, revision: Revision, by: str) -> bool:
    """Whether any has changed. A connection that is another one by now is kept with the deployment, as it was, until
    the deployment or the connection is changed."""
    there = tx.secrets(record.id)
    present = tx.instance_secrets(record)
    wanted = {
        name: value
        for name, value in revision.secrets.items()
        if not name.startswith(CONNECTION_SECRET_PREFIX) or name in there or present.get(name) != value
    }
    gone = [name for name in there if name.startswith(tuple(_SECRETS)) and name not in wanted]
    for name in gone:
        tx.remove_secret(record.id, name, by)
    changed = {name: value for name, value in wanted.items() if there.get(name) != value}
    for name, value in changed.items():
        tx.put_secret(record.id, name, value, by)
    return bool(gone or changed)


def _states(record: DeploymentRecord, kept: Sequence[Revision]) -> Sequence[str]:
    """Serving, Target, Failed or Superseded, of each. kept: newest first."""
    status = record.status
    serving = next((each.number for each in kept if each.kept_at and each.name == status.serving_revision), None)
    waits = record.spec.stopped or not status.provisioning_state.terminal
    coming = waits and not record.deleting

    def state(revision: Revision) -> str:
        if revision.number == serving:
            return "Serving"
        if revision.error is not None:
            return ProvisioningState.FAILED.value
        wanted = revision is kept[0] and revision.name == status.revision
        return "Target" if wanted and coming else "Superseded"

    return [state(each) for each in kept]


def _show(record: DeploymentRecord, revision: Revision, state: str, before: Revision | None) -> dict[str, Any]:
    spec = revision.spec
    properties: dict[str, Any] = {
        "number": revision.number,
        "state": state,
        "serving": state == "Serving",
        "wanted": revision.name == record.status.revision,
        "createdAt": revision.created_at,
        "createdBy": revision.created_by,
        "since": revision.kept_at or revision.created_at,
        "model": spec.model,
        "environmentId": spec.environment_id,
        "instanceType": spec.instance_type,
        "instanceCount": spec.instance_count,
        "requestSettings": show_restored(spec)["requestSettings"],
        "changes": [] if before is None else _changes(before, revision),
    }
    if state == ProvisioningState.FAILED.value and revision.error is not None:
        properties["error"] = dict(revision.error)
    return {
        "id": f"{record.id}/revisions/{revision.number}",
        "name": revision.name,
        "type": f"{PROVIDER}/{_TYPE}",
        "properties": properties,
    }


def _changes(before: Revision, after: Revision) -> list[dict[str, Any]]:
    fields = list(changes_between(_shown(before.spec), _shown(after.spec)))
    secret = [
        {"field": name, "before": MASK, "after": MASK} for name in _changed_secrets(before.secrets, after.secrets)
    ]
    return fields + secret or ([_RUNTIME] if before.name != after.name else [])


def _shown(spec: DeploymentSpec) -> dict[str, Any]:
    shown = dict(leaves(show_restored(spec)))
    return shown if spec.idle_s is None else {**shown, _IDLE: to_duration(spec.idle_s)}


def _changed_secrets(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """The fields of those that both have and that differ; of all others the fields themselves tell."""
    for name in sorted(before.keys() & after.keys()):
        prefix = next((each for each in _SECRETS if name.startswith(each)), None)
        if prefix is not None and before[name] != after[name]:
            yield _SECRETS[prefix] + name.removeprefix(prefix)
