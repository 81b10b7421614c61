"""Sizes of instances by their names: what one has, and what a deployment takes of the workspace's quota.

Sizes are ceilings, quota is administrative: neither says what the host has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from flowstead.errors import BadArgument
from flowstead.resources.vm_sizes import VM_SIZES, VmSize

DEFAULT_QUOTA_CORES = 500
"""Cores of all deployments of a workspace together, unless set otherwise."""

_UPGRADE_RESERVE_PERCENT = 20
"""Azure counts a fifth more instances than asked for, so that new ones can start beside old ones."""

_SIZE = re.compile(
    r"(?:Standard_)?(?P<family>[A-Z]{1,3})(?P<number>\d{1,3})(?P<letters>[a-z]*)(?P<rest>(?:_[a-z0-9]+)*)", re.I
)
_WITHOUT_RESERVE = re.compile(r"A100|H100|H200", re.I)
"""Accelerators for which Azure reserves nothing; the ND family is another."""
_DSV2 = {1: (1, 3.5), 2: (2, 7), 3: (4, 14), 4: (8, 28), 5: (16, 56), 11: (2, 14), 12: (4, 28), 13: (8, 56),
         14: (16, 112), 15: (20, 140)}  # fmt: skip
"""D and DS of version 2 are numbered, not counted: DS3_v2 has four cores and 14 GiB."""
_GIB_PER_CORE: dict[str, float] = {"D": 4, "DC": 4, "E": 8, "EC": 8, "F": 2, "FX": 21, "L": 8}
"""Families whose names count cores, and whose memory goes by them: those without accelerators."""
_LOW_MEMORY = {"D", "F"}
"""Families in which an `l` says that a size has half of that."""
_F_DOUBLED_SINCE = 6
"""F of this version and later have 4 GiB a core; 2 with an `l`, 8 with an `m`."""
_GIB_PER_CORE_OTHERWISE = 4.0
"""Of a size that nothing is known of, which only a version before this one took: what most general ones have."""
_MOST_NEAR, _NEAR_ENOUGH = 3, 0.4
_BY_NAME = {each.name.lower(): each for each in VM_SIZES}


def size_named(name: str) -> VmSize:
    """What the size has, whatever the case of its name: of the table, or of a family of Azure's whose names say it.

    Raises BadArgument, which lists near names, for one of which either the cores or the memory or the accelerators
    would be guessed."""
    found = _BY_NAME.get(name.lower()) or _by_family(name)
    if found is not None:
        return found
    near = [_BY_NAME[each].name for each in get_close_matches(name.lower(), _BY_NAME, _MOST_NEAR, _NEAR_ENOUGH)]
    raise BadArgument(
        f"{name!r} is not the name of an instance size.",
        hint=f"Near it are {_listed(near)}."
        if near
        else "Name one of Azure's sizes, such as Standard_F4s_v2 or "
        f"Standard_DS3_v2, or one of {_listed([each.name for each in VM_SIZES if each.name.startswith('Flowstead')])}.",
        target="properties.instanceType",
    )


def size_kept(name: str) -> VmSize:
    """The size of a deployment that is there: an earlier version may have taken a name that `size_named` refuses."""
    try:
        return size_named(name)
    except BadArgument:
        match = _SIZE.fullmatch(name)
        cores = max(1, int(match["number"])) if match else 1
        return VmSize(name, cores, cores * _GIB_PER_CORE_OTHERWISE)


def quota_taken(size: str, instances: int) -> float:
    """Cores that a deployment counts for: `ceil(1.2 × instances) × cores`, without the reserve where Azure has none."""
    return whole(instances_counted(size, instances) * size_kept(size).cores)


def quota_taken_meanwhile(before: tuple[str, int], after: tuple[str, int]) -> float:
    """Cores that an overwrite takes at most while it is under way. before, after: (size, instances).

    Within one size new instances start in the reserve. Those of another size come beside old ones that all still serve,
    as many at once as the reserve has."""
    lasting = quota_taken(*after)
    if size_kept(before[0]).cores == size_kept(after[0]).cores:
        return lasting
    surge = instances_counted(*after) - after[1]
    return max(lasting, whole(before[1] * size_kept(before[0]).cores + surge * size_kept(after[0]).cores))


def instances_counted(size: str, instances: int) -> int:
    """With the reserve, where the size has one."""
    return with_reserve(instances) if _has_reserve(size) else instances


def with_reserve(instances: int) -> int:
    """So many may run at once while a deployment of that many is overwritten: `ceil(1.2 × instances)`, 1 → 2, 3 → 4,
    10 → 12."""
    return -(-instances * (100 + _UPGRADE_RESERVE_PERCENT) // 100)


def whole(cores: float) -> float:
    """Without a fraction when there is none: 2.0 → 2."""
    return int(cores) if cores == int(cores) else cores


def _by_family(name: str) -> VmSize | None:
    match = _SIZE.fullmatch(name)
    number = int(match["number"]) if match else 0
    if match is None or number == 0:
        return None
    family, letters, rest = match["family"].upper(), match["letters"].lower(), match["rest"].lower()
    if family in ("D", "DS") and not letters and rest in ("", "_v2"):
        numbered = _DSV2.get(number)
        return VmSize(name, *numbered) if numbered else None
    per_core = _GIB_PER_CORE.get(family)
    if per_core is None:
        return None
    version = re.search(r"_v(\d+)$", rest)
    if family == "F" and version and int(version[1]) >= _F_DOUBLED_SINCE:
        per_core *= 4 if "m" in letters else 2
    if "l" in letters and family in _LOW_MEMORY:
        per_core /= 2
    return VmSize(name, number, number * per_core)


def _has_reserve(size: str) -> bool:
    return not (_WITHOUT_RESERVE.search(size) or size.lower().removeprefix("standard_").startswith("nd"))


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
