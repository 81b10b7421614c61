"""What Application Insights gets, as far as it can be told without its package."""

from __future__ import annotations

import pytest

from flowstead_runtime.telemetry.azure_monitor import PACKAGE, Growth, extremes, open_azure_monitor
from flowstead_runtime.telemetry.metric_points import BOUNDS_MS


def test_only_what_has_grown_is_told() -> None:
    growth = Growth()
    a, b = {"node": "a"}, {"node": "b"}
    assert list(growth.since_last("m", [(a, [1, 2.5]), (b, [1, 1])])) == [(a, [1, 2.5]), (b, [1, 1])]
    assert list(growth.since_last("m", [(a, [4, 3.0]), (b, [1, 1])])) == [(a, [3, 0.5])]
    assert list(growth.since_last("other", [(b, [2])])) == [(b, [2])]


def test_extremes_are_those_of_the_buckets() -> None:
    counts = [0.0] * (len(BOUNDS_MS) + 1)
    counts[0] = counts[3] = 1
    assert extremes(counts) == (0.0, 25.0)
    counts[-1] = 1
    assert extremes(counts) == (0.0, 300000.0)


def test_a_missing_package_is_named(caplog: pytest.LogCaptureFixture) -> None:
    assert open_azure_monitor("InstrumentationKey=x", {}) is None
    assert f"Add {PACKAGE} to requirements.txt" in caplog.text
