from __future__ import annotations

from dataclasses import replace

import pytest

from flowstead.resources.deployment import DeploymentSpec, DeploymentStatus, wanted_instances
from flowstead.resources.scaling import Scaled, TargetUtilization

SPEC = DeploymentSpec(model="m", instance_count=2)
TARGET = TargetUtilization(min_instances=0, max_instances=5)


def decided(count: int, asked: int = 2) -> DeploymentStatus:
    return DeploymentStatus(scaled=Scaled(count, asked))


@pytest.mark.parametrize(
    ("spec", "status", "wanted"),
    [
        (SPEC, None, 2),
        (SPEC, decided(4), 2),
        (replace(SPEC, scale=TARGET), decided(4), 4),
        (replace(SPEC, scale=TARGET), decided(4, asked=3), 2),
        (replace(SPEC, stopped=True), decided(4), 0),
        (replace(SPEC, scale=TARGET, instance_count=9), None, 5),
        (replace(SPEC, scale=replace(TARGET, min_instances=3)), None, 3),
        (replace(SPEC, scale=replace(TARGET, max_instances=3)), decided(4), 3),
        (replace(SPEC, scale=TARGET), decided(0), 1),
    ],
)
def test_how_many_shall_run(spec: DeploymentSpec, status: DeploymentStatus | None, wanted: int) -> None:
    assert wanted_instances(spec, status) == wanted


def test_only_between_two_numbers_it_scales_by_itself() -> None:
    assert not TargetUtilization().automatic
    assert not TargetUtilization(0, 1).automatic
    assert not TargetUtilization(3, 3).automatic
    assert TargetUtilization(0, 2).automatic
    assert TargetUtilization(1, 2).automatic


def test_only_who_may_go_to_nothing_sleeps() -> None:
    assert SPEC.idle_s is None
    assert replace(SPEC, scale=TARGET).idle_s == 300.0
    assert replace(SPEC, scale=replace(TARGET, min_instances=1)).idle_s is None
