"""Decide: every phase against what it may find. Plain data in, plain data out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowstead.engines.protocol import OUT_OF_MEMORY, InstanceEnd, InstanceState, ObservedInstance
from flowstead.environments.protocol import BuildFailed, Building
from flowstead.errors import ArtifactMissing, ConnectionMissing, FlowInvalid, PodOutOfMemory
from flowstead.reconcile import phases
from flowstead.reconcile.decide import decide_deployment
from flowstead.reconcile.decision import Act, DeploymentView, Fail, Proceed, StopInstance
from flowstead.reconcile.instances import kept, routable
from flowstead.resources.deployment import DeploymentStatus, ProbeSettings
from flowstead.resources.endpoint import ProvisioningState
from server.tests.unit.deployment_views import (
    DORMANT,
    FAILED,
    LOST,
    READY,
    RESTARTING,
    START,
    STOPPING,
    WAKING,
    act,
    deployment,
    held,
    instance,
    starts,
    status_of,
    stops,
    view,
)

# environment and artifact


def test_a_build_is_waited_for() -> None:
    assert act(phases.environment_built(view(environment=Building(Path("/log"))))).actions == ()


def test_a_built_environment_is_enough() -> None:
    assert phases.environment_built(view()) == Proceed()


def test_a_failed_build_fails_with_the_builders_words() -> None:
    outcome = phases.environment_built(view(environment=BuildFailed("No.", "uv said so")))
    assert isinstance(outcome, Fail)
    assert (outcome.error.code, outcome.error.details) == ("ImageBuildFailure", "uv said so")
    assert "requirements.txt" in outcome.error.next_step


def test_a_build_that_failed_otherwise_says_the_next_step_itself() -> None:
    outcome = phases.environment_built(view(environment=BuildFailed("No.", "", next_step="Name another image.")))
    assert isinstance(outcome, Fail)
    assert outcome.error.next_step == "Name another image."


@pytest.mark.parametrize("error", [ArtifactMissing(), FlowInvalid()])
def test_without_a_flow_the_artifact_speaks_not_the_environment(error: Any) -> None:
    seen = view(environment=None, artifact=error)
    assert phases.environment_built(seen) == Proceed()
    assert phases.artifact_in_place(seen) == Fail(error)


def test_files_that_are_there_are_enough() -> None:
    assert phases.artifact_in_place(view()) == Proceed()


# instances started


@pytest.mark.parametrize(("count", "started"), [(1, 1), (3, 3), (50, 4)])
def test_missing_instances_are_started_a_few_at_a_time(count: int, started: int) -> None:
    assert starts(act(phases.instances_started(view(deployment(count=count))))) == started


@pytest.mark.parametrize("state", [START, READY, RESTARTING, FAILED])
def test_an_instance_that_holds_a_place_is_not_started_twice(state: InstanceState) -> None:
    assert phases.instances_started(view(None, instance("a", state))) == Proceed()


@pytest.mark.parametrize(("unrouted_s", "stopped"), [(None, []), (0.5, []), (1.5, ["a"])])
def test_a_lost_instance_is_replaced_and_stops_once_it_gets_no_requests(
    unrouted_s: float | None, stopped: list[str]
) -> None:
    lost = instance("a", LOST)
    routed = frozenset({lost.address}) if unrouted_s is None else frozenset[str]()
    unrouted = {} if unrouted_s is None else {"a": unrouted_s}
    outcome = act(phases.instances_started(view(None, lost, routed=routed, unrouted_for=unrouted)))
    assert (stops(outcome), starts(outcome)) == (stopped, 1)


def test_one_that_is_stopping_holds_no_place() -> None:
    outcome = act(phases.instances_started(view(None, instance("a", STOPPING))))
    assert (stops(outcome), starts(outcome)) == ([], 1)


def test_the_serving_revision_s_instances_hold_no_place_of_the_target() -> None:
    record = deployment(serving_revision="old")
    outcome = act(phases.instances_started(view(record, instance("a", revision="old"))))
    assert (stops(outcome), starts(outcome)) == ([], 1)


def test_superseded_instances_are_stopped_when_nothing_goes_to_them() -> None:
    record = deployment(serving_revision="old")
    seen = view(record, instance("a", START, "between"), instance("b"), unrouted_for={"a": 5.0})
    assert stops(act(phases.instances_started(seen))) == ["a"]


@pytest.mark.parametrize(
    ("routed", "unrouted_for"),
    [(None, {}), (frozenset({"/a"}), {}), (frozenset[str](), {"a": 0.5})],
    ids=["nothing known", "routed", "unrouted just now"],
)
def test_superseded_instances_are_spared_while_requests_may_come(routed: Any, unrouted_for: Any) -> None:
    record = deployment(serving_revision="old")
    seen = view(record, instance("a", READY, "between"), instance("b"), routed=routed, unrouted_for=unrouted_for)
    assert phases.instances_started(seen) == Proceed()


def test_a_failed_instance_of_an_earlier_attempt_is_replaced_at_the_first_look() -> None:
    outcome = act(phases.instances_started(view(deployment(seen=False), instance("a", FAILED))))
    assert (stops(outcome), starts(outcome)) == (["a"], 1)


def test_a_failed_instance_of_a_running_deployment_is_its_supervisors_matter() -> None:
    record = deployment(provisioning_state=ProvisioningState.SUCCEEDED, serving_revision="new")
    assert phases.instances_started(view(record, instance("a", FAILED))) == Proceed()


# instances ready


def test_a_crash_loop_is_explained() -> None:
    record = deployment(count=3, provisioning_state=ProvisioningState.SUCCEEDED, serving_revision="new")
    failed = replace(
        instance("b", FAILED),
        restarts=6,
        last_end=InstanceEnd(1_790_000_000.0, 1, "", "The process ended with exit code 1 after 0.2 s."),
        next_start_at=1_790_000_040.0,
    )
    hung = replace(
        instance("c", RESTARTING),
        restarts=1,
        last_end=InstanceEnd(1_790_000_000.0, -9, "Unresponsive", "Killed because it did not answer."),
    )
    seen = view(record, instance("a"), failed, hung, last_words={"b": "ValueError: no"})
    outcome = act(phases.instances_ready(seen))
    assert outcome.waiting_for == "1 of 3 instances to be ready"
    assert outcome.explanation == (
        "The instance c has ended once (Unresponsive: Killed because it did not answer).\n"
        "The instance b has ended 7 times, the last time with exit code 1; it is started again at "
        "2026-09-21T14:14:00Z. Its last log lines:\nValueError: no"
    )
    status = decide_deployment(seen).status
    assert isinstance(status, DeploymentStatus)
    condition = next(each for each in status.conditions if each.type == "InstancesReady")
    assert condition.message.startswith("Waiting for 1 of 3 instances to be ready. The instance c has ended")


def test_a_child_that_was_ended_for_memory_is_told_of_a_worker_that_lives() -> None:
    end = InstanceEnd(1_790_000_000.0, -9, OUT_OF_MEMORY, "A process that it had started was ended.")
    seen = view(None, replace(instance("a", START), last_end=end))
    said = act(phases.instances_ready(seen)).explanation
    assert said == "The instance a is not ready yet (OutOfMemory: A process that it had started was ended)."


def test_all_ready_is_enough() -> None:
    assert phases.instances_ready(view(None, instance("a"))) == Proceed()


@pytest.mark.parametrize("state", [START, RESTARTING])
def test_one_that_is_not_ready_is_waited_for(state: InstanceState) -> None:
    outcome = act(phases.instances_ready(view(deployment(count=2), instance("a"), instance("b", state))))
    assert outcome.waiting_for == "1 of 2 instances to be ready"


def test_surplus_readiness_does_not_matter() -> None:
    assert phases.instances_ready(view(None, instance("a", START), instance("b"))) == Proceed()


@pytest.mark.parametrize(
    ("exit_code", "code"),
    [
        (79, "UserScriptImportError"),
        (80, "WarmCallUnanswered"),
        (78, "UserScriptInitFailed"),
        (1, "DeploymentCrashLoopBackOff"),
        (-9, "DeploymentCrashLoopBackOff"),
        (None, "DeploymentCrashLoopBackOff"),
    ],
)
def test_a_failed_instance_fails_the_deployment(exit_code: int | None, code: str) -> None:
    outcome = phases.instances_ready(view(None, instance("a", FAILED, exit_code=exit_code)))
    assert isinstance(outcome, Fail)
    assert (outcome.error.code, outcome.instance_id) == (code, "a")


def test_one_that_needs_more_memory_than_its_size_has_is_told_so() -> None:
    end = InstanceEnd(0.0, -9, OUT_OF_MEMORY, "It used 256 MiB of the 256 MiB of its size: choose a larger one.")
    outcome = phases.instances_ready(view(None, instance("a", FAILED, exit_code=-9, restarts=4, last_end=end)))
    assert isinstance(outcome, Fail)
    assert isinstance(outcome.error, PodOutOfMemory)
    assert outcome.error.message.startswith("The instance ended 5 times before it was ready. It used 256 MiB")


def test_a_failed_instance_of_a_running_deployment_is_only_waited_for() -> None:
    record = deployment(provisioning_state=ProvisioningState.SUCCEEDED)
    assert isinstance(phases.instances_ready(view(record, instance("a", FAILED))), Act)


@pytest.mark.parametrize(("seconds", "late"), [(300.0, False), (311.0, True)])
def test_readiness_has_a_deadline(seconds: float, late: bool) -> None:
    record = deployment(phase="InstancesReady")
    outcome = phases.instances_ready(view(record, instance("a", START), stood_s=seconds))
    assert isinstance(outcome, Fail) is late
    if isinstance(outcome, Fail):
        assert (outcome.error.code, outcome.instance_id) == ("ResourceNotReady", "a")


def test_the_deadline_runs_by_what_was_measured_not_by_times_of_day() -> None:
    record = deployment(conditions=held("InstancesStarted", since=5000.0), phase="InstancesReady")
    seen = view(record, instance("a", START), stood_s=10.0)
    assert isinstance(phases.instances_ready(seen), Act)


def test_one_that_crashes_while_old_ones_end_their_streams_has_all_its_time_again() -> None:
    record = deployment(serving_revision="new", phase="OldInstancesStopped")
    there = (instance("a", RESTARTING), instance("b", STOPPING, "old"))
    assert isinstance(phases.instances_ready(view(record, *there, stood_s=5000.0)), Act)
    assert isinstance(phases.route_switched(view(record, *there, stood_s=5000.0)), Act)


@pytest.mark.parametrize(
    ("probe", "limit"),
    [
        (ProbeSettings(), 310.0),
        (ProbeSettings(initial_delay_s=5, period_s=2, failure_threshold=3), 11.0),
        (ProbeSettings(period_s=3600, failure_threshold=3600), 1800.0),
    ],
)
def test_the_deadline_is_the_readiness_probe_s(probe: ProbeSettings, limit: float) -> None:
    record = deployment(phase="InstancesReady", spec={"readiness_probe": probe})
    for stood_s, outcome in ((limit, Act), (limit + 1, Fail)):
        assert isinstance(phases.instances_ready(view(record, instance("a", START), stood_s=stood_s)), outcome)


# route


def test_ready_instances_get_the_route() -> None:
    record = deployment(serving_revision="old", revision="new")
    assert act(phases.route_switched(view(record, instance("a")))).serve == "new"


@pytest.mark.parametrize("routed", [None, frozenset[str](), frozenset({"/old"}), frozenset({"/old", "/a"})])
def test_the_gateway_s_answer_is_waited_for(routed: frozenset[str] | None) -> None:
    record = deployment(serving_revision="new", revision="new")
    assert act(phases.route_switched(view(record, instance("a"), routed=routed))).serve is None


def test_what_the_gateway_has_taken_holds() -> None:
    record = deployment(serving_revision="new", revision="new")
    assert phases.route_switched(view(record, instance("a"), routed=frozenset({"/a"}))) == Proceed()


@pytest.mark.parametrize(("seconds", "failed"), [(29.0, False), (31.0, True)])
def test_a_gateway_that_does_not_answer_fails_the_change(seconds: float, failed: bool) -> None:
    record = deployment(serving_revision="new", revision="new", phase="RouteSwitched")
    assert isinstance(phases.route_switched(view(record, instance("a"), stood_s=seconds)), Fail) is failed


# old instances


def rolled(*instances: ObservedInstance, **more: Any) -> DeploymentView:
    record = deployment(serving_revision="new", revision="new")
    return view(record, instance("a"), *instances, **{"routed": frozenset({"/a"}), **more})


@pytest.mark.parametrize(("seconds", "drained"), [(0.5, False), (1.0, True)])
def test_old_instances_run_on_for_a_moment(seconds: float, drained: bool) -> None:
    seen = rolled(instance("z", revision="old"), unrouted_for={"z": seconds})
    assert (phases.old_instances_drained(seen) == Proceed()) is drained


@pytest.mark.parametrize(("seconds", "drained"), [(149.0, False), (150.0, True)])
def test_one_that_is_being_woken_is_not_stopped_before_its_callers_have_their_answers(
    seconds: float, drained: bool
) -> None:
    """They wait in its socket, for the minute of a start and the time-out."""
    old = instance("z", WAKING, revision="old")
    assert (phases.old_instances_drained(rolled(old, unrouted_for={"z": seconds})) == Proceed()) is drained
    woken = replace(old, state=READY)
    assert phases.old_instances_drained(rolled(woken, unrouted_for={"z": 1.0})) == Proceed()


def test_old_instances_are_not_drained_while_they_are_routed() -> None:
    seen = rolled(instance("z", revision="old"), routed=frozenset({"/a", "/z"}), unrouted_for={"z": 9.0})
    assert isinstance(phases.old_instances_drained(seen), Act)


def test_surplus_instances_are_old_too() -> None:
    seen = rolled(instance("b"), unrouted_for={"b": 2.0})
    assert phases.old_instances_drained(seen) == Proceed()
    assert stops(act(phases.old_instances_stopped(seen))) == ["b"]


def test_old_instances_are_stopped_once_and_waited_for() -> None:
    seen = rolled(instance("y", READY, "old"), instance("z", STOPPING, "old"))
    assert act(phases.old_instances_stopped(seen)).actions == (StopInstance("y", patient=True),)
    assert stops(act(phases.old_instances_stopped(rolled(instance("z", STOPPING, "old"))))) == []
    assert phases.old_instances_stopped(rolled()) == Proceed()


def test_a_connection_that_is_missing_fails_before_any_start() -> None:
    decision = decide_deployment(view(deployment(), connections=ConnectionMissing("There is none.")))
    assert isinstance(decision.failure, Fail)
    assert decision.failure.error.code == "ConnectionMissing"
    assert starts(decision) == 0
    assert status_of(decision).phase == "ConnectionsResolvable"


@pytest.mark.parametrize(("seconds", "again"), [(89.0, False), (91.0, True)])
def test_who_stops_a_deployment_does_not_wait_for_its_streams_for_ever(seconds: float, again: bool) -> None:
    record = deployment(spec={"stopped": True}, phase="OldInstancesStopped")
    seen = view(record, instance("a", STOPPING), stood_s=seconds)
    assert stops(act(phases.old_instances_stopped(seen))) == (["a"] if again else [])


@pytest.mark.parametrize("state", [DORMANT, WAKING])
def test_who_sleeps_or_wakes_up_is_as_good_as_ready(state: InstanceState) -> None:
    there = view(deployment(count=2, conditions=held("InstancesStarted")), instance("a"), instance("b", state))
    assert phases.instances_started(there) == Proceed()
    assert phases.instances_ready(there) == Proceed()


def test_who_works_keeps_its_place_before_who_sleeps() -> None:
    there = [instance("a", DORMANT), instance("b", WAKING), instance("c"), instance("d", RESTARTING)]
    assert [each.id for each in kept(there, "new", 3)] == ["c", "b", "a"]
    assert [each.id for each in routable(there, "new", 4)] == ["a", "b", "c", "d"]
