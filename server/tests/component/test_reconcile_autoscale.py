"""The reconciler on a real store with fakes: deployments that an autoscale setting drives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flowstead.api.quota import fitting
from flowstead.observe.spans import Span, of_one
from flowstead.observe.utilization import CPU
from flowstead.reconcile.autoscaler import Autoscaler
from flowstead.reconcile.scaler import Scaler
from flowstead.resources.autoscale import (
    Aggregation,
    AutoscaleSpec,
    ChangeBy,
    Direction,
    MetricTrigger,
    Operator,
    Profile,
    ScaleRule,
    Statistic,
)
from flowstead.resources.clock import Clock
from flowstead.resources.home import Home
from flowstead.store import Store
from flowstead.store.records import Kind
from flowstead.testing.memory_engine import InMemoryEngine
from flowstead.testing.reconciler_world import WORKSPACE
from server.tests.component.scaled_world import ScaledWorld

BLUE = WORKSPACE.deployment("chat", "blue")
ID = WORKSPACE.autoscale_setting("by-cpu")
REST_S = 300.0


def rule(threshold: float, direction: Direction, step: int, resource: str = BLUE, metric: str = CPU) -> ScaleRule:
    operator = Operator.GREATER if direction is Direction.INCREASE else Operator.LESS
    average, over_time = Statistic.AVERAGE, Aggregation.AVERAGE
    trigger = MetricTrigger(metric, resource, 60.0, 300.0, average, over_time, operator, threshold)
    return ScaleRule(trigger, direction, ChangeBy.COUNT, step, REST_S)


RULES = (rule(70, Direction.INCREASE, 2), rule(25, Direction.DECREASE, 1))
SPEC = AutoscaleSpec(BLUE, (Profile("office", 2, 5, 2, RULES),))


class Site(ScaledWorld):
    """percent: what the CPU has been for as long as one looks, None for no figures."""

    percent: float | None = 50.0
    quota_cores = 500

    def __init__(self, home: Home) -> None:
        self.asked: list[tuple[str, Sequence[str]]] = []
        super().__init__(home, engine=InMemoryEngine(), new_scaler=self._scaler)
        self.put_endpoint(traffic={"blue": 100})
        self.put_deployment(model=self.put_flow(), instance_count=2)
        self.settle()

    def _scaler(self, store: Store, clock: Clock) -> Scaler:
        return Scaler(
            store=store,
            in_flight=dict,
            fitting=partial(fitting, quota_cores=self.quota_cores),
            clock=clock,
            scale_in_after_s=60.0,
            autoscaler=Autoscaler(store=store, spans=self._spans, clock=clock),
        )

    def _spans(self, metric: str, uids: Sequence[str]) -> Sequence[Span]:
        self.asked.append((metric, uids))
        now = int(self.clock.now().timestamp()) // 60 * 60
        return [] if self.percent is None else [of_one(now - 60 * ago, self.percent) for ago in range(10, -1, -1)]

    def put_setting(self, **changes: Any) -> None:
        with self.store.transaction() as tx:
            before = tx.find(Kind.AUTOSCALE_SETTING, ID)
            spec = replace(before.spec if before else SPEC, **changes)
            tx.put(Kind.AUTOSCALE_SETTING, ID, WORKSPACE.group_path, "by-cpu", spec, by="test", operation=None)

    def drop_setting(self) -> None:
        with self.store.transaction() as tx:
            tx.remove(ID)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(Home(tmp_path / "home"))
    yield site
    site.close()


def test_a_rule_that_holds_makes_it_grow_and_says_why(site: Site) -> None:
    site.put_setting()
    site.passes(3)
    assert site.shown["properties"]["scaling"] == {"autoscaleSetting": ID}
    assert site.audited() == [], "nothing has changed"
    site.percent = 83.0
    site.passes(20)
    assert site.stands == (4, 4, "Succeeded")
    [record] = site.audited()
    assert record.detail == "CpuUtilizationPercentage 83 > 70 over 5 min: 2 → 4"
    assert (record.by, record.before, record.after) == ("system", {"instance_count": 2}, {"instance_count": 4})
    assert site.shown["properties"]["scaling"]["reason"] == record.detail
    assert site.asked[0] == (CPU, [site.there().uid])


def test_it_rests_after_a_change_also_over_a_restart_of_the_server(site: Site) -> None:
    site.put_setting()
    site.percent = 83.0
    site.passes(20)
    site.new_reconciler()
    site.passes(int(REST_S) - 25)
    assert site.stands == (4, 4, "Succeeded")
    site.passes(30)
    assert site.stands == (5, 5, "Succeeded"), "the most"
    site.percent = 10.0
    site.passes(int(REST_S) - 25)
    assert site.stands == (5, 5, "Succeeded")
    site.passes(40)
    assert site.stands == (4, 4, "Succeeded")
    assert [each.detail[-5:] for each in site.audited()] == ["5 → 4", "4 → 5", "2 → 4"]


def test_its_rest_ends_though_the_clock_is_set_back(site: Site) -> None:
    site.put_setting()
    site.percent = 83.0
    site.passes(20)
    assert site.stands == (4, 4, "Succeeded")
    site.clock.set_back(3600.0)
    site.passes(20)
    assert site.stands == (5, 5, "Succeeded")


def test_bounds_and_a_new_profile_hold_at_once(site: Site) -> None:
    site.put_setting(profiles=(Profile("three", 3, 3, 3),))
    site.passes(3)
    assert site.stands == (3, 3, "Succeeded")
    site.put_setting(profiles=(Profile("one", 1, 1, 1),))
    site.passes(14)
    assert site.stands == (1, 1, "Succeeded")
    assert site.audited()[0].detail == "profile 'one' allows 1 to 1: 3 → 1"


def test_a_number_by_hand_holds_until_the_bounds_put_it_right(site: Site) -> None:
    site.put_setting()
    site.passes(3)
    site.put_deployment(instance_count=4)
    site.settle()
    assert site.stands == (4, 4, "Succeeded")
    site.passes(20)
    assert site.stands == (4, 4, "Succeeded")
    site.put_deployment(instance_count=9)
    site.settle()
    site.passes(5)
    assert site.stands == (5, 5, "Succeeded")


def test_another_revision_keeps_the_number(site: Site) -> None:
    site.put_setting()
    site.percent = 83.0
    site.passes(20)
    site.percent = 50.0
    site.put_deployment(environment_variables={"A": "1"})
    site.settle()
    assert site.stands == (4, 4, "Succeeded")
    assert site.shown["properties"]["scaling"]["autoscaleSetting"] == ID


def test_without_figures_it_grows_to_the_default(site: Site) -> None:
    site.put_setting(profiles=(Profile("office", 1, 5, 3, RULES),))
    site.percent = None
    site.passes(290)
    assert site.stands == (2, 2, "Succeeded"), "they may still come"
    site.passes(90)
    assert site.stands == (3, 3, "Succeeded")
    assert site.audited()[0].detail == "no figures of CpuUtilizationPercentage: 2 → 3, the default"


def test_the_quota_allows_no_more_than_it_has(site: Site) -> None:
    cores = 4
    site.quota_cores = 4 * cores  # three, with the reserve
    site.new_reconciler()
    site.put_setting()
    site.percent = 83.0
    site.passes(20)
    assert site.stands == (3, 3, "Succeeded")
    assert "quota of cores allows 3" in site.shown["properties"]["scaling"]["refused"]
    site.passes(int(REST_S) + 20)
    said = site.store.version()
    site.passes(60)
    assert site.store.version() == said, "it is said once"
    site.percent = 50.0
    site.passes(20)
    assert "refused" not in site.shown["properties"]["scaling"]


@pytest.mark.parametrize("how", ["deleted", "disabled", "aimed elsewhere"])
def test_when_the_setting_goes_the_number_stays_until_another_is_said(site: Site, how: str) -> None:
    site.put_setting()
    site.percent = 83.0
    site.passes(20)
    if how == "deleted":
        site.drop_setting()
    elif how == "disabled":
        site.put_setting(enabled=False)
    else:
        site.put_setting(target=WORKSPACE.deployment("chat", "green"))
    site.passes(400)
    assert site.stands == (4, 4, "Succeeded")
    assert "autoscaleSetting" not in site.shown["properties"]["scaling"]
    site.put_deployment(instance_count=3)
    site.settle()
    assert site.stands == (3, 3, "Succeeded")
    assert "scaling" not in site.shown["properties"]


def test_rules_of_the_endpoint_look_at_all_of_its_deployments(site: Site) -> None:
    site.put_deployment("green", model=site.put_flow("2"), instance_count=1)
    site.settle()
    slow = rule(70, Direction.INCREASE, 1, WORKSPACE.endpoint("chat"), "RequestLatency")
    site.put_setting(profiles=(Profile("office", 1, 5, 1, (slow,)),))
    site.passes(2)
    metric, uids = site.asked[-1]
    assert metric == "RequestLatency"
    assert set(uids) == {site.there("blue").uid, site.there("green").uid}


def test_who_is_stopped_is_left_alone_and_driven_again_when_it_starts(site: Site) -> None:
    site.put_setting()
    site.passes(3)
    site.percent = 83.0
    site.put_deployment(stopped=True)
    site.settle()
    site.passes(30)
    assert (len(site.engine.instances), site.audited()) == (0, [])
    site.put_deployment(stopped=False)
    site.settle()
    site.passes(20)
    assert site.stands == (4, 4, "Succeeded")


def test_the_setting_goes_with_its_deployment(site: Site) -> None:
    site.put_setting()
    site.passes(3)
    site.delete(BLUE)
    site.settle()
    with site.store.reading() as tx:
        assert tx.find(Kind.AUTOSCALE_SETTING, ID) is None
        [removed] = [each for each in tx.audit() if each.resource_id == ID and each.action == "remove"]
    assert removed.detail == "blue was deleted"


def test_nothing_is_written_while_nothing_changes(site: Site) -> None:
    site.put_setting()
    site.passes(5)
    said = site.store.version()
    site.passes(120)
    assert site.store.version() == said
