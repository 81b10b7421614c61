"""Three times what a deployment can do: who is let in is served as before, who is not is told so at once, and when it
is over it is over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.installation import FULL, Installation
from tests.overload import AS_USUAL, SHAPES, Shape, deployed, overloaded
from tests.steady_traffic import quantile

OVER_S = 30.0 if FULL else 5.0
DOOR_S = 0.05
RECOVERY_S = 2.0


@pytest.mark.parametrize("shape", SHAPES if FULL else SHAPES[:1], ids=lambda shape: f"{shape.instances}x{shape.places}")
def test_three_times_its_capacity(own_flowstead: Installation, tmp_path: Path, shape: Shape) -> None:
    seen = overloaded(deployed(own_flowstead, tmp_path, shape), OVER_S)
    admitted, door = seen.admitted, seen.door
    print(
        f"\ncapacity {shape.capacity:.0f}/s, usual p99 {quantile(seen.usual, 0.99) * 1000:.0f} ms; "
        f"at three times of it for {OVER_S:.0f} s: {len(admitted) / OVER_S:.0f}/s admitted, "
        f"p50 {quantile(admitted, 0.5) * 1000:.0f} ms, "
        f"p99 {quantile(admitted, 0.99) * 1000:.0f} ms ({seen.admitted_by_usual:.2f} times); "
        f"{len(door) + len(seen.queued)} refused, {len(door)} of them at the door, "
        f"p50 {quantile(door, 0.5) * 1000:.1f} ms, p99 {quantile(door, 0.99) * 1000:.1f} ms; "
        f"as usual {seen.recovery:.2f} s after it"
    )
    assert set(seen.usual_outcomes) == {"200"}, seen.usual_outcomes
    assert set(seen.outcomes) == {"200", "429"}, seen.outcomes
    assert seen.without_retry_after == 0
    assert len(admitted) / OVER_S > 0.85 * shape.capacity, "refusing must not cost what it is to save"
    assert seen.admitted_by_usual <= AS_USUAL
    assert quantile(door, 0.95 if FULL else 0.5) < DOOR_S
    assert seen.recovery <= RECOVERY_S
