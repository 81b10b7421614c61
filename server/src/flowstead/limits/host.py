"""What this host can hold instances to: found out by trying, once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from math import ceil, inf
from pathlib import Path

import psutil

from flowstead.limits import groups
from flowstead.limits.control_groups import CONTROLLERS, Mount, mounts_in, place_v2, places_v1
from flowstead.limits.description import Limits, limits_v1, limits_v2

_LEAF = "flowstead.server"
"""Where the processes of a group that was given to us are put: beside groups the kernel wants no processes."""
_GIVEN = ("user.delegate", "trusted.delegate")
"""How systemd marks a group that it leaves to its processes."""
_TRIED_CORES, _TRIED_BYTES = 1.0, 64 << 20


class Means(StrEnum):
    """The best first."""

    CGROUP_V2 = "cgroup v2"
    CGROUP_V1 = "cgroup v1"
    AFFINITY = "affinity, memory watchdog"
    NONE = "none"


@dataclass(frozen=True)
class Enforcement:
    """places: controller → directory in which groups may be made. why_not: why it is no better, "" when it is best.
    most_cores: version 1 refuses a group that is promised more."""

    means: Means
    places: Mapping[str, str] = field(default_factory=dict)
    why_not: str = ""
    most_cores: float = inf


@dataclass(frozen=True)
class Host:
    """What the machine has, whatever instances are given. processors: numbers of those that this process may use."""

    processors: tuple[int, ...]
    memory_bytes: int
    gpus: int


@lru_cache(maxsize=1)
def enforcement_here() -> Enforcement:
    """Asked once: a server keeps to one way as long as it lives."""
    if not hasattr(os, "sched_setaffinity"):
        return Enforcement(Means.NONE, why_not="this system has neither control groups nor processor affinity")
    try:
        mounts, own = mounts_in(Path("/proc/self/mountinfo").read_text()), Path("/proc/self/cgroup").read_text()
    except OSError as failure:
        mounts, own, unread = (), "", f"{failure.filename}: {failure.strerror}"
    else:
        unread = ""
    return find_enforcement(mounts, own, unread)


def find_enforcement(mounts: Sequence[Mount], own: str, unread: str = "") -> Enforcement:
    """own: /proc/self/cgroup. unread: why that is not known."""
    if unread:
        return Enforcement(Means.AFFINITY, why_not=unread)
    place = place_v2(mounts, own)
    why_not_v2 = "cgroup v2 is not mounted" if place is None else why_not_in(place)
    if place is not None and not why_not_v2:
        top = _top(place)
        return Enforcement(Means.CGROUP_V2, dict.fromkeys(CONTROLLERS, top))
    places = places_v1(mounts, own)
    if places is None:
        return Enforcement(Means.AFFINITY, why_not=why_not_v2)
    most = most_cores(places["cpu"])
    problem = _tried(limits_v1(places, _probe(), cores=min(_TRIED_CORES, most), memory_bytes=_TRIED_BYTES))
    if problem:
        return Enforcement(Means.AFFINITY, why_not=problem)
    return Enforcement(Means.CGROUP_V1, places, why_not_v2, most)


def most_cores(place: str) -> float:
    """What the group there and those above it are held to, as far as they can be seen."""
    found = inf
    for folder in (Path(place), *Path(place).parents):
        quota, period = (groups.number(f"{folder}/cpu.cfs_{each}_us") for each in ("quota", "period"))
        if quota is None or period is None:
            break
        if quota > 0:
            found = min(found, quota / period)
    return found


def why_not_in(place: str) -> str:
    """Make the group of version 2 ready for groups below it, and try one; what is in the way, "" for nothing."""
    top = _top(place)
    controllers = _words(f"{top}/cgroup.controllers")
    missing = [each for each in CONTROLLERS if each not in controllers]
    if missing:
        return f"{top} has no controller for {' and '.join(missing)}"
    wanted = [each for each in (*CONTROLLERS, "pids") if each in controllers]
    if not set(wanted) <= set(_words(f"{top}/cgroup.subtree_control")):
        problem = _turn_on(top, " ".join(f"+{each}" for each in wanted))
        if problem:
            return problem
    return _tried(limits_v2(top, _probe(), cores=_TRIED_CORES, memory_bytes=_TRIED_BYTES))


def limits_for(
    enforcement: Enforcement, name: str, *, cores: float, memory_bytes: int, cpus: tuple[int, ...]
) -> Limits | None:
    """name: of its group. cpus: those that it shall run on where time cannot be shared out. None where nothing can be
    enforced."""
    match enforcement.means:
        case Means.CGROUP_V2:
            return limits_v2(enforcement.places["cpu"], name, cores=cores, memory_bytes=memory_bytes)
        case Means.CGROUP_V1:
            most = min(cores, enforcement.most_cores)
            return limits_v1(enforcement.places, name, cores=most, memory_bytes=memory_bytes)
        case Means.AFFINITY:
            return Limits(memory_bytes, cpus=cpus, watched=True)
    return None


def least_used(all_of_them: Sequence[int], used: Iterable[Iterable[int]], count: int) -> tuple[int, ...]:
    """So many of the processors, or of the accelerators, those first on which fewest instances are; () when that is all
    of them. used: what each instance has."""
    if count >= len(all_of_them):
        return ()
    taken = [number for each in used for number in each]
    chosen = sorted(all_of_them, key=lambda number: (taken.count(number), number))[:count]
    return tuple(sorted(chosen))


def processors_for(cores: float, host: Host, used: Iterable[Iterable[int]]) -> tuple[int, ...]:
    """() for all."""
    return least_used(host.processors, used, max(1, ceil(cores)))


def group_prefix(runs: Path) -> str:
    """What the names of the groups begin with whose instances have their directories in `runs`."""
    return f"flowstead-{hashlib.sha256(os.fsencode(runs.resolve())).hexdigest()[:10]}-"


def sweep(enforcement: Enforcement, runs: Path) -> int:
    """Remove the groups whose instances have no directory in `runs` any more, and say how many: a server, or a
    supervisor, was killed between two steps. While nothing is being started there."""
    prefix, left = group_prefix(runs), []
    for place in set(enforcement.places.values()):
        with suppress(OSError):
            found = [each for each in os.listdir(place) if each.startswith(prefix)]  # noqa: PTH208 names are enough
            left += [f"{place}/{each}" for each in found if not (runs / each.removeprefix(prefix)).is_dir()]
    groups.remove(left)
    return len(left)


@lru_cache(maxsize=1)
def host_here() -> Host:
    affinity = getattr(os, "sched_getaffinity", None)
    processors = sorted(affinity(0)) if affinity else range(os.cpu_count() or 1)
    return Host(tuple(processors), int(psutil.virtual_memory().total), _gpus())


def _gpus() -> int:
    """NVIDIA's, whose libraries let themselves be told which to use."""
    shown = Path("/proc/driver/nvidia/gpus")
    if shown.is_dir():
        return len(list(shown.iterdir()))
    return sum(each.name.removeprefix("nvidia").isdecimal() for each in Path("/dev").glob("nvidia*"))


def _turn_on(top: str, wanted: str) -> str:
    """Give the controllers to groups below; what is in the way, "" for nothing."""
    switch = f"{top}/cgroup.subtree_control"
    try:
        with suppress(OSError):
            groups.write(switch, wanted)
            return ""
        # Either it is not ours, or processes are in it, which the kernel does not want beside groups.
        if not _is_given(top):
            return f"{top} was not given to us (systemd: Delegate=yes)"
        leaf = Path(top) / _LEAF
        leaf.mkdir(exist_ok=True)
        for pid in _words(f"{top}/cgroup.procs"):
            with suppress(ProcessLookupError):
                groups.write(f"{leaf}/cgroup.procs", pid)
        groups.write(switch, wanted)
    except OSError as failure:
        return f"{failure.filename}: {failure.strerror}"
    return ""


def _is_given(top: str) -> bool:
    """By systemd, or as the top of a container's own namespace, which unlike the machine's has a type."""
    for name in _GIVEN:
        with suppress(OSError):
            if os.getxattr(top, name) == b"1":
                return True
    return Path(f"{top}/cgroup.type").exists() and not Path(f"{top}/../cgroup.controllers").exists()


def _tried(limits: Limits) -> str:
    """What is in the way of such groups, "" for nothing. Leaves none."""
    made = [{"path": group.path, "files": group.files, "wished": group.wished} for group in limits.groups]
    try:
        groups.make(made)
    except OSError as failure:
        return f"{failure.filename}: {failure.strerror}"
    finally:
        groups.remove(group.path for group in limits.groups)
    return ""


def _top(place: str) -> str:
    """The group below which others are made: a server before may have moved us into a leaf of it."""
    path = Path(place)
    return str(path.parent if path.name == _LEAF else path)


def _words(file: str) -> Sequence[str]:
    try:
        return Path(file).read_text().split()
    except OSError:
        return ()


def _probe() -> str:
    return f"flowstead-probe-{os.getpid()}"
