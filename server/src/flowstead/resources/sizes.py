"""Sizes of instances: how many cores a size has, and what a deployment takes of the workspace's quota.

Sizes are ceilings, quota is administrative: neither says what the host has.
"""

from __future__ import annotations

import re

from flowstead.errors import BadArgument

DEFAULT_QUOTA_CORES = 500
"""Cores of all deployments of a workspace together, unless set otherwise."""

_UPGRADE_RESERVE_PERCENT = 20
"""Azure counts a fifth more instances than asked for, so that new ones can start beside old ones."""

_SIZE = re.compile(
    r"(?:Standard_)?(?P<family>[A-Z]{1,3})(?P<number>\d{1,3})(?P<rest>[A-Za-z]*(?:_[A-Za-z0-9]+)*)", re.I
)
_WITHOUT_RESERVE = re.compile(r"A100|H100|H200", re.I)
"""Accelerators for which Azure reserves nothing; the ND family is another."""
_DSV2 = {1: 1, 2: 2, 3: 4, 4: 8, 5: 16, 11: 2, 12: 4, 13: 8, 14: 16, 15: 20}
"""D and DS of version 2 are numbered, not counted: DS3_v2 has four cores."""


def cores_of(size: str) -> int:
    """Cores of an instance: `Standard_F4s_v2` → 4, `Standard_DS3_v2` → 4. Raises BadArgument for no size's name."""
    match = _SIZE.fullmatch(size)
    number = int(match["number"]) if match else 0
    if match is not None and match["family"].upper() in ("D", "DS") and match["rest"].lower() == "_v2":
        number = _DSV2.get(number, 0)
    if number == 0:
        raise BadArgument(
            f"{size!r} is not the name of an instance size.",
            hint="Name one of Azure's sizes, such as Standard_F4s_v2 or Standard_DS3_v2.",
            target="properties.instanceType",
        )
    return number


def quota_taken(size: str, instances: int) -> int:
    """Cores that a deployment counts for: `ceil(1.2 × instances) × cores`, without the reserve where Azure has none."""
    counted = -(-instances * (100 + _UPGRADE_RESERVE_PERCENT) // 100) if _has_reserve(size) else instances
    return counted * cores_of(size)


def _has_reserve(size: str) -> bool:
    return not (_WITHOUT_RESERVE.search(size) or size.lower().removeprefix("standard_").startswith("nd"))
