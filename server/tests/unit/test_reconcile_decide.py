"""Decide: the walk through the phases, deletion, supersession and failure. Plain data in, plain data out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flowstead.engines.protocol import InstanceState
from flowstead.environments.protocol import BuildFailed, Building
from flowstead.errors import ArtifactMissing
from flowstead.reconcile import phases
from flowstead.reconcile.decide import decide_deployment
from flowstead.reconcile.decision import RemoveFiles, RemoveRows, StopInstance
from flowstead.resources.deployment import PHASE_NAMES
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.operation import Operation
from flowstead.store.records import DeploymentRecord
from server.tests.unit.deployment_views import (
    CREATE,
    FAILED,
    LOST,
    NOW,
    READY,
    RESTARTING,
    START,
    STOPPING,
    UPDATE,
    ago,
    deployment,
    held,
    instance,
    starts,
    status_of,
    stops,
    view,
)


def test_the_first_look_forgets_what_was_said_of_the_last_specification() -> None:
    record = deployment(
        seen=False,
        provisioning_state=ProvisioningState.FAILED,
        error={"code": "X", "message": "x"},
        conditions=held("EnvironmentBuilt"),
        phase_times={"EnvironmentBuilt": 1.0},
    )
    status = status_of(decide_deployment(view(record, environment=Building(Path("/log")))))
    assert status.provisioning_state is ProvisioningState.UPDATING
    assert status.error is None
    assert [(each.type, each.status) for each in status.conditions] == [("EnvironmentBuilt", False)]
    assert status.phase_times == {}


@pytest.mark.parametrize(
    ("operation", "state"), [(CREATE, ProvisioningState.CREATING), (UPDATE, ProvisioningState.UPDATING)]
)
def test_the_state_on_the_way_is_the_operation_s(operation: Operation, state: ProvisioningState) -> None:
    status = status_of(decide_deployment(view(deployment(), operation=operation)))
    assert status.provisioning_state is state


def test_the_walk_ends_at_the_first_phase_that_does_not_hold() -> None:
    decision = decide_deployment(view(deployment(conditions=held("EnvironmentBuilt", since=3.0))))
    status = status_of(decision)
    assert starts(decision) == 1
    assert status.phase == "InstancesStarted"
    assert [(each.type, each.status) for each in status.conditions] == [
        ("EnvironmentBuilt", True),
        ("ArtifactInPlace", True),
        ("IdentityGranted", True),
        ("ConnectionsResolvable", True),
        ("InstancesStarted", False),
    ]
    assert status.phase_times == {"ArtifactInPlace": 3.0, "IdentityGranted": 0.0, "ConnectionsResolvable": 0.0}


def test_a_condition_keeps_its_time_while_it_says_the_same() -> None:
    first = status_of(decide_deployment(view(None, instance("a", START))))
    later = view(deployment(**vars(first)), instance("a", START), now=NOW + timedelta(seconds=5))
    assert status_of(decide_deployment(later)) == first


def test_when_all_phases_hold_it_has_succeeded() -> None:
    record = deployment(serving_revision="new", revision="new")
    decision = decide_deployment(view(record, instance("a"), routed=frozenset({"/a"})))
    assert decision.done
    assert decision.actions == ()
    status = status_of(decision)
    assert status.provisioning_state is ProvisioningState.SUCCEEDED
    assert status.phase == ""
    assert list(status.phase_times) == list(PHASE_NAMES) == [each.name for each in phases.DEPLOYMENT_PHASES]


def test_a_failure_is_told_with_its_phase_and_leaves_the_serving_revision() -> None:
    record = deployment(serving_revision="old", conditions=held("EnvironmentBuilt"))
    seen = view(record, instance("a", FAILED, exit_code=78), instance("z", revision="old"))
    decision = decide_deployment(seen)
    assert decision.failure is not None
    assert decision.actions == ()
    status = status_of(decision)
    assert (status.provisioning_state, status.phase) == (ProvisioningState.FAILED, "InstancesReady")
    assert status.serving_revision == "old"
    assert status.error is not None
    assert status.error["code"] == "UserScriptInitFailed"
    assert status.conditions[-1].reason == "UserScriptInitFailed"


def settled(state: ProvisioningState, **status: Any) -> DeploymentRecord:
    return deployment(provisioning_state=state, **{"serving_revision": "new", "revision": "new", **status})


def test_a_running_deployment_is_kept_as_it_is() -> None:
    record = settled(ProvisioningState.SUCCEEDED, conditions=held(*(p.name for p in phases.DEPLOYMENT_PHASES)))
    seen = view(record, instance("a"), routed=frozenset({"/a"}), operation=None)
    decision = decide_deployment(seen)
    assert decision.actions == ()
    assert decision.status == record.status


def test_a_running_deployment_that_lost_an_instance_stays_succeeded_and_says_so() -> None:
    record = settled(ProvisioningState.SUCCEEDED, conditions=held(*(p.name for p in phases.DEPLOYMENT_PHASES)))
    decision = decide_deployment(view(record, instance("a", LOST), operation=None))
    assert (stops(decision), starts(decision)) == ([], 1)
    status = status_of(decision)
    assert status.provisioning_state is ProvisioningState.SUCCEEDED
    assert [each.type for each in status.conditions if not each.status] == ["InstancesStarted"]


def test_an_environment_that_cannot_be_rebuilt_does_not_fail_what_runs() -> None:
    record = settled(ProvisioningState.SUCCEEDED)
    decision = decide_deployment(view(record, instance("a"), environment=BuildFailed("No.", "")))
    assert decision.failure is None
    assert status_of(decision).provisioning_state is ProvisioningState.SUCCEEDED


@pytest.mark.parametrize("state", [START, READY, RESTARTING, FAILED, LOST])
def test_after_a_failure_the_new_instances_go_and_the_old_ones_stay(state: InstanceState) -> None:
    record = settled(ProvisioningState.FAILED, serving_revision="old")
    seen = view(record, instance("a", state), instance("z", revision="old"), routed=frozenset({"/z"}))
    assert stops(decide_deployment(seen)) == ([] if state in (READY, RESTARTING, LOST) else ["a"]), (
        "it may be answering"
    )
    decision = decide_deployment(replace(seen, unrouted_for={"a": 1.0}))
    assert stops(decision) == ["a"]
    assert decision.status is None


def test_after_a_failed_scale_up_the_ready_ones_stay() -> None:
    record = settled(ProvisioningState.FAILED, serving_revision="new")
    seen = view(
        record,
        instance("a"),
        instance("b", FAILED),
        instance("c", RESTARTING),
        routed=frozenset({"/a", "/c"}),
    )
    assert stops(decide_deployment(seen)) == ["b"]


def test_after_a_failure_nothing_is_stopped_that_may_be_routed() -> None:
    record = settled(ProvisioningState.FAILED, serving_revision="new")
    assert stops(decide_deployment(view(record, instance("z", revision="old"), routed=frozenset({"/z"})))) == []
    assert stops(decide_deployment(view(record, instance("z", revision="old"), routed=None))) == []


@pytest.mark.parametrize("state", list(ProvisioningState))
@pytest.mark.parametrize("seen", [True, False])
def test_deletion_wins_over_every_state(state: ProvisioningState, seen: bool) -> None:
    record = deployment(deleting=True, seen=seen, provisioning_state=state)
    broken = view(record, instance("a", START), environment=None, artifact=ArtifactMissing())
    decision = decide_deployment(broken)
    assert stops(decision) == ["a"]
    assert status_of(decision).provisioning_state is ProvisioningState.DELETING


def test_deletion_waits_for_the_route_to_go() -> None:
    record = replace(deployment(deleting=True), modified_at=ago(1))
    decision = decide_deployment(view(record, instance("a"), routed=frozenset({"/a"})))
    assert decision.actions == ()
    assert status_of(decision).phase == "RouteRemoved"
    assert decide_deployment(view(record, instance("a"), routed=None)).actions == ()


def test_deletion_does_not_wait_for_ever_for_a_dead_gateway() -> None:
    record = replace(deployment(deleting=True), modified_at=ago(11))
    assert stops(decide_deployment(view(record, instance("a"), routed=frozenset({"/a"})))) == ["a"]


def test_deletion_goes_step_by_step() -> None:
    record = deployment(deleting=True)
    stopping = view(record, instance("a", STOPPING))
    assert decide_deployment(stopping).actions == (StopInstance("a", patient=False),)
    assert decide_deployment(view(record, has_files=True)).actions == (RemoveFiles(),)
    assert decide_deployment(view(record)).actions == (RemoveRows(),)
