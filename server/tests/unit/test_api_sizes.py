from __future__ import annotations

import pytest

from flowstead.errors import BadArgument
from flowstead.resources.sizes import quota_taken, quota_taken_meanwhile, size_kept, size_named


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
    assert size_named(size).cores == cores


@pytest.mark.parametrize("size", ["", "large", "Standard_", "Standard_F", "Standard_DS9_v2", "Standard_F4s v2", "4"])
def test_what_is_no_size(size: str) -> None:
    with pytest.raises(BadArgument) as refused:
        size_named(size)
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


@pytest.mark.parametrize(
    ("size", "gib"),
    [
        ("Flowstead_XS", 0.25),
        ("Standard_F4s_v2", 8),
        ("Standard_DS3_v2", 14),
        ("Standard_DS12_v2", 28),
        ("Standard_D4s_v5", 16),
        ("Standard_D4ls_v5", 8),
        ("Standard_E20s_v5", 160),
        ("Standard_F4as_v6", 16),
        ("Standard_F4als_v6", 8),
        ("Standard_F4ams_v6", 32),
        ("Standard_FX12mds", 252),
        ("D2_v4", 8),
    ],
)
def test_memory_is_that_of_the_table_or_of_the_family(size: str, gib: float) -> None:
    assert size_named(size).memory_gib == gib
    assert size_named(size.upper()).memory_bytes == gib * 2**30


@pytest.mark.parametrize(
    ("size", "near"),
    [
        ("Standard-F4s-v2", "Standard_F4s_v2"),
        ("Flowstead_XXL", "Flowstead_L"),
        ("Standard_NC24s_v4", "Standard_NC24s_v3"),
    ],
)
def test_who_errs_by_a_little_is_told_what_is_near(size: str, near: str) -> None:
    with pytest.raises(BadArgument) as refused:
        size_named(size)
    assert near in refused.value.next_step


def test_who_errs_by_much_is_told_names_of_each_kind() -> None:
    with pytest.raises(BadArgument) as refused:
        size_named("???")
    assert "Standard_F4s_v2" in refused.value.next_step
    assert "Flowstead_XS, Flowstead_S, Flowstead_M and Flowstead_L" in refused.value.next_step


@pytest.mark.parametrize(("size", "cores"), [("Standard_NV6ads_A10_v5", 6), ("gone", 1)])
def test_a_size_of_which_nothing_is_known_is_refused_and_counted_where_it_is_kept(size: str, cores: int) -> None:
    with pytest.raises(BadArgument):
        size_named(size)
    assert size_kept(size).cores == cores
    assert size_kept(size).memory_gib == 4 * cores


@pytest.mark.parametrize(("size", "instances", "cores"), [("Flowstead_XS", 1, "0.5"), ("Flowstead_XS", 3, "1")])
def test_fractions_count_as_such(size: str, instances: int, cores: str) -> None:
    assert str(quota_taken(size, instances)) == cores


@pytest.mark.parametrize(
    ("before", "after", "cores"),
    [
        (("Standard_F4s_v2", 5), ("Standard_F4s_v2", 5), 24),
        (("Standard_F4s_v2", 5), ("standard_f4s_v2", 10), 48),
        (("Standard_F4s_v2", 5), ("Standard_F8s_v2", 5), 48),  # what lasts is more than 5 x 4 + 1 x 8
        (("Standard_F8s_v2", 5), ("Standard_F4s_v2", 5), 44),  # all the old ones, and one new one beside them
        (("Standard_F16s_v2", 1), ("Flowstead_S", 1), 16.5),
    ],
)
def test_an_overwrite_by_another_size_counts_the_surge_of_both(
    before: tuple[str, int], after: tuple[str, int], cores: float
) -> None:
    assert quota_taken_meanwhile(before, after) == cores
