"""A revision takes the places of another: whole roll-outs walked look by look, with instances that fail at any point.
Never more run than the reserve allows, requests never meet fewer ready instances than were wanted, and it ends."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from flowstead.engines.protocol import InstanceState, ObservedInstance
from flowstead.environments.protocol import Built
from flowstead.reconcile.decide import decide_deployment
from flowstead.reconcile.decision import Decision, DeploymentView, ServingView, StartInstance, StopInstance
from flowstead.reconcile.describe import serving_instances
from flowstead.reconcile.instances import running, taking_requests
from flowstead.resources.deployment import DeploymentStatus, ProbeSettings
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.environment import BaseEnvironment
from flowstead.resources.inference import Inference
from flowstead.resources.sizes import with_reserve
from flowstead.store.records import DeploymentRecord, Revision
from server.tests.unit.deployment_views import NOW, UPDATE, deployment, instance

LOOK_S = 0.5
START_LIMIT_S = 5.0
ENOUGH_LOOKS = 1500
RETRY_LOOKS = 20
NO_BASE = BaseEnvironment()
PROBE = ProbeSettings(initial_delay_s=0.0, period_s=START_LIMIT_S, failure_threshold=1)
STARTING, READY, FAILED = InstanceState.STARTING, InstanceState.READY, InstanceState.FAILED
RESTARTING, STOPPING = InstanceState.RESTARTING, InstanceState.STOPPING

FATES: dict[str, tuple[InstanceState, ...]] = {
    "well": (STARTING, STARTING, READY),
    "slow": (*[STARTING] * 5, READY),
    "fails to start": (STARTING, STARTING, FAILED),
    "hangs": (STARTING,),
    "crashes when it was ready": (STARTING, READY, READY, READY, FAILED),
    "stumbles": (STARTING, READY, READY, RESTARTING, RESTARTING, READY),
}
"""The states of an instance from look to look; the last one stays."""
NEVER_READY = ("fails to start", "hangs")
BAD = (*NEVER_READY, "crashes when it was ready")


@dataclass
class _Simulated:
    revision: str
    fate: tuple[InstanceState, ...]
    looks: int = 0
    stopping: int | None = None

    @property
    def state(self) -> InstanceState:
        if self.stopping is not None:
            return STOPPING
        return self.fate[min(self.looks, len(self.fate) - 1)]


@dataclass
class Rollout:
    """fate_of: (revision, number of the start) → what becomes of the instance. own_servers: revisions that are reached
    by paths of their own."""

    count: int
    fate_of: Callable[[str, int], str]
    target: str = "new"
    check_ready: bool = True
    own_servers: tuple[str, ...] = ()
    instances: dict[str, _Simulated] = field(default_factory=dict)
    looks: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        self._numbers: dict[str, Iterator[int]] = {}
        self._ids = itertools.count()
        for _ in range(self.count):
            self.instances[f"i{next(self._ids):04}"] = _Simulated("old", (READY,))
        self.record: DeploymentRecord = deployment(
            count=self.count,
            seen=False,
            spec=self._spec(self.target),
            revision="old",
            serving_revision="old",
            provisioning_state=ProvisioningState.SUCCEEDED,
        )
        self._stood: dict[str, int] = {}
        self._unrouted: dict[str, int] = {}
        self._kept = {"old": self._revision("old")}

    def change(self, target: str) -> None:
        """The user wants another one."""
        self.target = target
        spec = replace(self.record.spec, **self._spec(target))
        self.record = replace(self.record, spec=spec, generation=self.record.generation + 1)

    def look(self) -> Decision:
        seen, routed = self._observe()
        decision = decide_deployment(self._view(seen, routed))
        for action in decision.actions:
            if isinstance(action, StopInstance):
                assert f"/{action.instance_id}" not in routed, "requests go there"
                self.instances[action.instance_id].stopping = self.looks
            elif isinstance(action, StartInstance):
                self._start(action.revision)
        self._record(decision)
        self._check(routed)
        self._pass_time()
        return decision

    def walk(self) -> DeploymentStatus:
        """Until it has ended and nothing has been done any more for a while."""
        quiet = 0
        while quiet < 80:  # longer than a failed one lies before it is started again
            decision = self.look()
            settled = self.record.observed_generation == self.record.generation
            ended = settled and self.record.status.provisioning_state.terminal
            leaving = any(each.state is STOPPING for each in self.instances.values())
            quiet = quiet + 1 if ended and not decision.actions and not leaving else 0
            assert self.looks < ENOUGH_LOOKS, "it does not end"
        return self.record.status

    def of(self, revision: str) -> list[InstanceState]:
        return [each.state for each in self.instances.values() if each.revision == revision]

    def _observe(self) -> tuple[tuple[ObservedInstance, ...], frozenset[str]]:
        seen = tuple(
            instance(id, each.state, each.revision, inference=self._spec(each.revision)["base"].inference)
            for id, each in self.instances.items()
        )
        routed = frozenset(each.address for each in serving_instances(self.record, seen, self._serving()))
        out = {id for id in self.instances if f"/{id}" not in routed}
        self._unrouted = {id: self._unrouted.get(id, self.looks) for id in out}
        phase = self.record.status.phase if self._is_seen() else ""
        self._stood = {phase: self._stood.get(phase, self.looks)}
        return seen, routed

    def _view(self, seen: tuple[ObservedInstance, ...], routed: frozenset[str]) -> DeploymentView:
        serving = self._serving()
        has_failed = self._is_seen() and self.record.status.provisioning_state is ProvisioningState.FAILED
        shown = serving is not None and (serving.name != self.target or has_failed)
        return DeploymentView(
            record=self.record,
            now=NOW + timedelta(seconds=self.looks * LOOK_S),
            target=self.target,
            artifact=Path("/flow"),
            environment=Built(Path("/python")),
            serving=ServingView(serving, Path("/flow"), Built(Path("/python"))) if serving and shown else None,
            instances=seen,
            operation=None if has_failed else UPDATE,
            routed=routed,
            unrouted_for=self._seconds(self._unrouted),
            stood_s=sum(self._seconds(self._stood).values()),
        )

    def _serving(self) -> Revision | None:
        status = self.record.status
        another = not self._is_seen() or status.serving_revision != status.revision
        failed = status.provisioning_state is ProvisioningState.FAILED
        return self._kept.get(status.serving_revision or "") if another or failed else None

    def _record(self, decision: Decision) -> None:
        status = decision.status or self.record.status
        assert isinstance(status, DeploymentStatus)
        if status.serving_revision != self.record.status.serving_revision or decision.done:
            self._kept[status.serving_revision or ""] = self._revision(status.serving_revision or "")
        self.record = replace(self.record, status=status, observed_generation=self.record.generation)

    def _check(self, routed: frozenset[str]) -> None:
        seen = [instance(id, each.state, each.revision) for id, each in self.instances.items()]
        self.most = max(self.most, running(seen))
        assert running(seen) <= (2 * self.count if self.own_servers else with_reserve(self.count))
        taking = {each.revision for each in seen if each.address in routed}
        assert len({self._spec(each)["base"].inference for each in taking}) <= 1, "some are asked by others' paths"
        there = [each for each in seen if each.state is READY]
        answering = sum(each.address in routed for each in there)
        assert answering >= min(self.count, len(there)), "one could answer and gets nothing"
        if self.check_ready:
            assert answering >= self.count

    def _start(self, revision: str) -> None:
        self.instances[f"i{next(self._ids):04}"] = _Simulated(revision, self._next_fate(revision))

    def _next_fate(self, revision: str) -> tuple[InstanceState, ...]:
        number = next(self._numbers.setdefault(revision, itertools.count()))
        return FATES[self.fate_of(revision, number)]

    def _pass_time(self) -> None:
        self.looks += 1
        for id, each in list(self.instances.items()):
            each.looks += 1
            if each.stopping is None and each.looks >= len(each.fate) + RETRY_LOOKS and each.state is FAILED:
                # Its supervisor starts it again.
                again = self._next_fate(each.revision)
                each.fate = tuple(RESTARTING if state is STARTING else state for state in again)
                each.looks = 0
            if each.stopping is not None and self.looks - each.stopping > 2:
                del self.instances[id]

    def _is_seen(self) -> bool:
        return self.record.observed_generation == self.record.generation

    def _revision(self, name: str) -> Revision:
        return Revision(name, deployment(count=self.count, spec=self._spec(name)).spec, "0" * 64, {})

    def _spec(self, revision: str) -> dict[str, Any]:
        paths = Inference(80, "/", "/", f"/{revision}") if revision in self.own_servers else None
        return {"readiness_probe": PROBE, "base": replace(NO_BASE, inference=paths)}

    def _seconds(self, since: dict[str, int]) -> dict[str, float]:
        return {name: (self.looks - look) * LOOK_S for name, look in since.items()}


@pytest.mark.parametrize("count", range(1, 11))
def test_an_overwrite_uses_the_reserve_and_no_more(count: int) -> None:
    rollout = Rollout(count, lambda revision, number: "well")
    status = rollout.walk()
    assert status.provisioning_state is ProvisioningState.SUCCEEDED
    assert (status.serving_revision, rollout.of("new"), rollout.of("old")) == ("new", [READY] * count, [])
    assert rollout.most == with_reserve(count)


@pytest.mark.parametrize("count", range(1, 11))
def test_by_other_paths_all_change_at_once(count: int) -> None:
    rollout = Rollout(count, lambda revision, number: "slow" if number % 3 else "well", own_servers=("new",))
    status = rollout.walk()
    assert status.provisioning_state is ProvisioningState.SUCCEEDED
    assert (status.serving_revision, rollout.of("new"), rollout.of("old")) == ("new", [READY] * count, [])
    assert rollout.most == 2 * count


@pytest.mark.parametrize("own_servers", [(), ("new",)])
@pytest.mark.parametrize("fate", NEVER_READY)
@pytest.mark.parametrize("count", range(1, 11))
def test_a_revision_that_never_gets_ready_costs_no_old_instance(
    count: int, fate: str, own_servers: tuple[str, ...]
) -> None:
    rollout = Rollout(count, lambda revision, number: fate, own_servers=own_servers)
    old = set(rollout.instances)
    status = rollout.walk()
    assert status.provisioning_state is ProvisioningState.FAILED
    assert (status.serving_revision, status.revision) == ("old", "new")
    assert set(rollout.instances) == old, "nothing old was stopped, and nothing new is left"


@pytest.mark.parametrize("count", range(1, 11))
def test_a_failure_at_any_point_ends_with_the_old_revision_in_full_count(count: int) -> None:
    for bad, fate in itertools.product(range(count), BAD):

        def fate_of(revision: str, number: int, bad: int = bad, fate: str = fate) -> str:
            return fate if revision == "new" and number == bad else "slow" if number % 3 else "well"

        # One that has been ready is missed for as long as it takes to see that it is not any more.
        rollout = Rollout(count, fate_of, check_ready=fate in NEVER_READY)
        status = rollout.walk()
        if status.provisioning_state is ProvisioningState.SUCCEEDED:
            assert fate not in NEVER_READY
            assert rollout.of("new").count(READY) == count
            continue
        serving = status.serving_revision or ""
        assert rollout.of(serving).count(READY) == count, (bad, fate)
        assert set(rollout.instances) == {id for id, each in rollout.instances.items() if each.revision == serving}


@pytest.mark.parametrize("count", range(1, 11))
def test_one_that_stumbles_on_its_way_is_waited_for(count: int) -> None:
    def fate_of(revision: str, number: int) -> str:
        return "stumbles" if number % 2 == 0 else "well"

    rollout = Rollout(count, fate_of, check_ready=False)
    status = rollout.walk()
    assert status.provisioning_state is ProvisioningState.SUCCEEDED
    assert rollout.of("new") == [READY] * count


@pytest.mark.parametrize("own_servers", [(), ("new",), ("new", "third")])
@pytest.mark.parametrize("seed", range(60))
def test_another_change_on_the_way_takes_over_from_where_it_is(seed: int, own_servers: tuple[str, ...]) -> None:
    """Back to the old one too, and again to the same."""
    random = Random(seed)
    fates = {revision: random.choice(["well", "well", "slow", *NEVER_READY]) for revision in ("new", "third")}
    rollout = Rollout(
        random.randint(1, 10), lambda revision, number: fates.get(revision, "well"), own_servers=own_servers
    )
    for _ in range(random.randint(1, 3)):
        for _ in range(random.randint(0, 60)):
            rollout.look()
        rollout.change(random.choice(["old", "new", "third"]))
    status = rollout.walk()
    serving = status.serving_revision or ""
    assert rollout.of(serving) == [READY] * rollout.count
    assert set(rollout.instances) == {id for id, each in rollout.instances.items() if each.revision == serving}
    well = fates.get(rollout.target, "well") not in NEVER_READY
    assert status.provisioning_state is (ProvisioningState.SUCCEEDED if well else ProvisioningState.FAILED)
    assert not well or serving == rollout.target


def test_none_that_is_reached_by_other_paths_stands_in_for_another() -> None:
    paths = {"old": Inference(80, "/", "/", "/old"), "new": Inference(80, "/", "/", "/new")}
    seen = [
        instance(f"{revision}-{number}", state, revision, inference=paths[revision])
        for revision, states in (("old", [READY] * 2), ("new", [READY, RESTARTING]))
        for number, state in enumerate(states)
    ]
    base = replace(NO_BASE, inference=paths["new"])
    record = deployment(count=2, spec={"base": base}, revision="new", serving_revision="new")
    assert {each.revision for each in serving_instances(record, seen)} == {"new"}


def test_the_last_of_the_new_ones_takes_the_places_of_all_that_are_left() -> None:
    """Also where there are to be fewer of them."""
    old = [instance(f"old-{number}", InstanceState.READY, revision="old") for number in range(10)]
    new = [instance(f"new-{number}", InstanceState.READY, revision="new") for number in range(2)]
    assert taking_requests([*old, *new], "old", 10, coming="new", wanted=2) == new
    assert len(taking_requests([*old, new[0]], "old", 10, coming="new", wanted=2)) == 10
