"""The reconciler on a real store with fakes: deployments that scale by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from flowstead.api.quota import fitting
from flowstead.reconcile.scaler import Scaler
from flowstead.resources.clock import Clock
from flowstead.resources.home import Home
from flowstead.resources.scaling import TargetUtilization
from flowstead.store import Store
from flowstead.testing.memory_engine import InMemoryEngine
from server.tests.component.scaled_world import ScaledWorld

SCALE = TargetUtilization(min_instances=1, max_instances=3, target_percent=70)
AFTER_S = 60.0


class Site(ScaledWorld):
    """in_flight: requests that the gateway tells of `chat/blue`, None while it is away."""

    in_flight: int | None = 0
    quota_cores = 500

    def __init__(self, home: Home) -> None:
        super().__init__(home, engine=InMemoryEngine(), new_scaler=self._scaler)
        self.put_endpoint(traffic={"blue": 100})
        self.put_deployment(model=self.put_flow(), instance_count=1, scale=SCALE)
        self.settle()

    def _scaler(self, store: Store, clock: Clock) -> Scaler:
        def told() -> Mapping[tuple[str, str], int] | None:
            return None if self.in_flight is None else {("chat", "blue"): self.in_flight, ("other", "blue"): 99}

        allowed = partial(fitting, quota_cores=self.quota_cores)
        return Scaler(store=store, in_flight=told, fitting=allowed, clock=clock, scale_in_after_s=AFTER_S)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(Home(tmp_path / "home"))
    yield site
    site.close()


def test_under_load_there_are_more_at_once_and_fewer_when_it_has_been_gone_for_long(site: Site) -> None:
    before, site.in_flight = site.there(), 18
    site.passes(5)
    assert site.stands == (3, 3, "Scaling")
    site.passes(3)
    assert site.stands == (3, 3, "Succeeded")
    site.in_flight = 2
    site.passes(int(AFTER_S) - 1)
    assert site.stands == (3, 3, "Succeeded"), "not yet"
    site.passes(15)
    assert site.stands == (1, 1, "Succeeded")
    after = site.there()
    assert (after.generation, after.status.serving_revision) == (before.generation, before.status.serving_revision)
    assert (site.engine.stopped[0][1], len(site.engine.stopped)) == (True, 2), "patiently"


def test_each_change_is_written_down_with_its_reason(site: Site) -> None:
    site.in_flight = 9
    site.passes(10)
    [record] = site.audited()
    assert (record.by, record.resource_id, record.outcome) == ("system", site.there().id, "Succeeded")
    assert (record.before, record.after) == ({"instance_count": 1}, {"instance_count": 2})
    assert record.detail == "utilisation 90 % for 5 s: 1 → 2"
    shown = site.shown["properties"]["scaling"]
    assert (shown["reason"], shown.get("refused")) == (record.detail, None)
    with site.store.reading() as tx:
        told = [each.data for each in tx.history.events(0, limit=1000) if each.resource_id == record.resource_id]
    assert told[-2:] == [
        {"change": "scale", "by": "system"},
        {"change": "status", "provisioningState": "Succeeded"},
    ]


def test_a_server_that_starts_anew_keeps_the_number_and_waits_as_long_again(site: Site) -> None:
    site.in_flight = 18
    site.passes(10)
    site.in_flight = 0
    site.passes(int(AFTER_S) - 5)
    site.new_reconciler()
    site.passes(int(AFTER_S) - 1)
    assert site.stands == (3, 3, "Succeeded")
    site.passes(15)
    assert site.stands == (1, 1, "Succeeded")


def test_what_was_not_seen_is_not_taken_for_rest(site: Site) -> None:
    site.in_flight = 18
    site.passes(10)
    site.in_flight = 0
    site.passes(int(AFTER_S) - 5)
    site.in_flight = None
    site.passes(2)
    site.in_flight = 0
    site.passes(int(AFTER_S) - 1)
    assert site.stands == (3, 3, "Succeeded")


def test_the_quota_allows_no_more_than_it_has(site: Site) -> None:
    cores = 4
    site.quota_cores = 3 * cores  # two, with the reserve
    site.new_reconciler()
    site.in_flight = 18
    site.passes(20)
    assert site.stands == (2, 2, "Succeeded")
    assert "quota of cores allows 2" in site.shown["properties"]["scaling"]["refused"]
    assert len(site.audited()) == 1
    said, site.in_flight = site.store.version(), 30
    site.passes(10)
    assert site.store.version() == said, "it is said once"
    site.in_flight = 9
    site.passes(10)
    assert "refused" not in site.shown["properties"]["scaling"], "no more are wanted"


def test_a_change_by_hand_counts_and_is_scaled_from_there(site: Site) -> None:
    site.in_flight = 18
    site.passes(10)
    site.put_deployment(instance_count=2)
    site.settle()
    assert site.stands == (2, 2, "Succeeded")
    site.passes(10)
    assert site.stands == (3, 3, "Succeeded")


def test_who_does_not_scale_by_itself_any_more_has_what_it_asks_for(site: Site) -> None:
    site.in_flight = 18
    site.passes(10)
    site.put_deployment(scale=None)
    site.settle()
    site.passes(10)
    assert site.stands == (1, 1, "Succeeded")
    assert site.there().status.scaled is None


def test_new_bounds_hold_at_once(site: Site) -> None:
    site.put_deployment(scale=replace(SCALE, min_instances=2))
    site.settle()
    assert site.stands == (2, 2, "Succeeded")


def test_who_is_stopped_or_deleted_is_left_alone(site: Site) -> None:
    site.in_flight = 18
    site.passes(3)
    site.put_deployment(stopped=True)
    site.settle()
    site.passes(20)
    assert (len(site.engine.instances), site.audited()) == (0, [])
    site.put_deployment(stopped=False)
    site.settle()
    site.passes(4)
    site.delete(site.there().id)
    site.passes(20)
    assert (site.deployment(), site.engine.instances) == (None, {})


def test_a_number_that_was_decided_for_another_generation_is_not_written(site: Site) -> None:
    site.in_flight = 18
    site.passes(4)
    site.put_deployment(description="another")
    site.clock.advance(1.0)
    site.reconciler.tick()
    assert site.audited() == []
    site.settle()
    site.passes(10)
    assert site.stands == (3, 3, "Succeeded")


def test_while_instances_do_not_start_the_others_serve_and_it_says_so(site: Site) -> None:
    site.engine.ready_at_once = False
    site.in_flight = 18
    site.passes(20)
    assert site.stands == (3, 3, "Scaling")
    found = site.gateway.deployment("chat", "blue")
    assert found is not None
    assert len(found.instances) == 1
    site.engine.make_ready()
    site.passes(5)
    assert site.stands == (3, 3, "Succeeded")
