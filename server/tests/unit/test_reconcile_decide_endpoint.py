"""Decide of endpoints: their route, and their deletion. Plain data in, plain data out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flowstead.reconcile.decide import decide_endpoint
from flowstead.reconcile.decision import EndpointView, RemoveFiles, RemoveRows
from flowstead.resources.clock import iso
from flowstead.resources.endpoint import EndpointSpec, EndpointStatus, ProvisioningState
from flowstead.resources.operation import Operation, OperationKind
from flowstead.store.records import EndpointRecord, Kind, Record

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
UPDATE = Operation("op", OperationKind.UPDATE, "id", 1, started_at=iso(NOW))


def endpoint(*, seen: bool = True, deleting: bool = False, modified: float = 1.0, **status: Any) -> EndpointRecord:
    return Record(
        id="/endpoints/chat",
        kind=Kind.ENDPOINT,
        parent_id="/",
        name="chat",
        uid="uid",
        spec=EndpointSpec(),
        status=EndpointStatus(**status),
        generation=2,
        observed_generation=2 if seen else 1,
        etag="",
        deleting=deleting,
        created_at=iso(NOW - timedelta(seconds=100)),
        created_by="",
        modified_at=iso(NOW - timedelta(seconds=modified)),
        modified_by="",
    )


def endpoint_view(record: EndpointRecord, *, published: bool, **more: Any) -> EndpointView:
    return EndpointView(
        record=record,
        now=NOW,
        worked_s=(NOW - datetime.fromisoformat(record.modified_at)).total_seconds(),
        published=published,
        operation=more.pop("operation", UPDATE),
        **more,
    )


def test_an_endpoint_waits_for_its_route() -> None:
    decision = decide_endpoint(endpoint_view(endpoint(), published=False))
    assert not decision.done
    assert decision.status == EndpointStatus(ProvisioningState.UPDATING)


def test_a_published_endpoint_has_succeeded() -> None:
    decision = decide_endpoint(endpoint_view(endpoint(), published=True))
    assert decision.done
    assert decision.status == EndpointStatus(ProvisioningState.SUCCEEDED)


@pytest.mark.parametrize(("modified", "failed"), [(29.0, False), (31.0, True)])
def test_an_endpoint_whose_route_is_not_taken_fails(modified: float, failed: bool) -> None:
    decision = decide_endpoint(endpoint_view(endpoint(modified=modified), published=False))
    assert (decision.failure is not None) is failed


def test_a_settled_endpoint_stays_what_it_is_while_routes_change() -> None:
    record = endpoint(provisioning_state=ProvisioningState.SUCCEEDED, modified=1000.0)
    decision = decide_endpoint(endpoint_view(record, published=False, operation=None))
    assert decision.status == record.status
    assert decision.failure is None


def test_an_endpoint_is_deleted_step_by_step() -> None:
    record = endpoint(deleting=True)
    steps = [
        endpoint_view(record, published=False, children=1, has_files=True),
        endpoint_view(record, published=True, children=1, has_files=True),
        endpoint_view(record, published=True, has_files=True),
        endpoint_view(record, published=True),
    ]
    assert [decide_endpoint(each).actions for each in steps] == [(), (), (RemoveFiles(),), (RemoveRows(),)]
    gone = endpoint_view(endpoint(deleting=True, modified=11.0), published=False)
    assert decide_endpoint(gone).actions == (RemoveRows(),)
