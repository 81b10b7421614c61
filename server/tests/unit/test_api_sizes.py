from __future__ import annotations

import pytest

from flowstead.errors import BadArgument
from flowstead.resources.sizes import cores_of, quota_taken


@pytest.mark.parametrize(
    ("size", "cores"),
    [
        ("Standard_F4s_v2", 4),
        ("standard_f4s_v2", 4),
        ("Standard_DS3_v2", 4),
        ("Standard_DS5_v2", 16),
        ("Standard_D4s_v3", 4),
        ("Standard_E16s_v3", 16),
        ("Standard_FX4mds", 4),
        ("Standard_NC24ads_A100_v4", 24),
        ("Standard_NC4as_T4_v3", 4),
        ("Standard_ND96isr_H100_v5", 96),
    ],
)
def test_cores_of_sizes(size: str, cores: int) -> None:
    assert cores_of(size) == cores


@pytest.mark.parametrize("size", ["", "large", "Standard_", "Standard_F", "Standard_DS9_v2", "Standard_F4s v2", "4"])
def test_what_is_no_size(size: str) -> None:
    with pytest.raises(BadArgument) as refused:
        cores_of(size)
    assert refused.value.target == "properties.instanceType"


@pytest.mark.parametrize(
    ("size", "instances", "cores"),
    [
        ("Standard_DS3_v2", 10, 48),
        ("Standard_DS3_v2", 1, 8),
        ("Standard_DS3_v2", 5, 24),
        ("Standard_NC24ads_A100_v4", 5, 120),
        ("Standard_ND96isr_H100_v5", 1, 96),
    ],
)
def test_the_reserve_is_counted(size: str, instances: int, cores: int) -> None:
    assert quota_taken(size, instances) == cores
