"""Stopping a deployment, which keeps all but its instances, and starting it again."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from flowstead.api.arm import accepted
from flowstead.api.context import Context, Here, Needs
from flowstead.api.deployments import ACTION, DEPLOYMENT
from flowstead.api.preconditions import ForChange, Preconditions
from flowstead.api.quota import check_quota
from flowstead.resources.operation import OperationKind
from flowstead.resources.principal import Principal
from flowstead.store.records import Kind

router = APIRouter(tags=["deployments"])


@router.post(DEPLOYMENT + "/stop", status_code=202)
def stop_deployment(
    endpoint: str,
    deployment: str,
    here: Here,
    caller: Annotated[Principal, Depends(Needs(f"{ACTION}/stop/action"))],
    only_if: ForChange,
) -> Response:
    """End its instances after their requests; a long-running operation. It keeps its specification, revisions, logs and
    share of the traffic, and takes none of the quota; requests for it are answered 503. May be repeated."""
    return _turn(here, endpoint, deployment, caller, only_if, stopped=True)


@router.post(DEPLOYMENT + "/start", status_code=202)
def start_deployment(
    endpoint: str,
    deployment: str,
    here: Here,
    caller: Annotated[Principal, Depends(Needs(f"{ACTION}/start/action"))],
    only_if: ForChange,
) -> Response:
    """Start what was stopped, as it is specified by now; a long-running operation. Refused when the quota has not
    enough cores left. May be repeated."""
    return _turn(here, endpoint, deployment, caller, only_if, stopped=False)


def _turn(
    here: Context, endpoint: str, name: str, caller: Principal, only_if: Preconditions, *, stopped: bool
) -> Response:
    with here.store.transaction() as tx:
        before = tx.get(Kind.DEPLOYMENT, here.workspace.deployment(endpoint, name))
        only_if.check(before, f"The deployment {before.name}")
        spec = replace(before.spec, stopped=stopped)
        check_quota(tx, here, spec, before)
        _, operation = tx.put(
            Kind.DEPLOYMENT,
            before.id,
            before.parent_id,
            before.name,
            spec,
            by=caller.name,
            operation=OperationKind.STOP if stopped else OperationKind.START,
        )
    assert operation is not None  # noqa: S101 a change with a kind of operation has one
    here.hint()
    return accepted(here, operation)
