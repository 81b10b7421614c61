"""A size → what has to be done so that a process and all that it starts keep to it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PERIOD_US = 100_000
"""In which a share of processor time is given out, microseconds: the kernel's own default."""
MOST_TASKS = 4096
"""Processes and threads of an instance: more than any flow needs, fewer than a machine dies of."""


@dataclass(frozen=True)
class Group:
    """A control group. path: its directory. files: (name, text), written in this order when it is made.
    wished: those that not every kernel has."""

    path: str
    files: tuple[tuple[str, str], ...]
    wished: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Limits:
    """As `groups` and `memory_watch` carry them out. groups: all of them are made and joined before the program runs.
    kills: file that counts what the kernel killed for memory; peak: file that says how much was used at most; "" for
    none. cpus: the processors to run on, () for all. watched: nobody but us holds it to its memory.
    """

    memory_bytes: int
    groups: tuple[Group, ...] = ()
    kills: str = ""
    peak: str = ""
    cpus: tuple[int, ...] = ()
    watched: bool = False


def limits_v2(place: str, name: str, *, cores: float, memory_bytes: int) -> Limits:
    """place: the directory in which the group is made; its controllers are on."""
    path = f"{place}/{name}"
    files = (
        ("cpu.max", f"{_quota(cores)} {PERIOD_US}"),
        ("memory.max", str(memory_bytes)),
        # Half an instance is of no use: it ends as a whole, and is started again.
        ("memory.oom.group", "1"),
    )
    wished = (("memory.swap.max", "0"), ("pids.max", str(MOST_TASKS)))
    return Limits(memory_bytes, (Group(path, files, wished),), f"{path}/memory.events", f"{path}/memory.peak")


def limits_v1(places: Mapping[str, str], name: str, *, cores: float, memory_bytes: int) -> Limits:
    """places: controller (`cpu`, `memory`) → the directory in which the group is made. Two of one mount are one."""
    files: dict[str, list[tuple[str, str]]] = {}
    wished: dict[str, list[tuple[str, str]]] = {}
    cpu, memory = (f"{places[each]}/{name}" for each in ("cpu", "memory"))
    files.setdefault(cpu, []).extend([("cpu.cfs_period_us", str(PERIOD_US)), ("cpu.cfs_quota_us", str(_quota(cores)))])
    files.setdefault(memory, []).append(("memory.limit_in_bytes", str(memory_bytes)))
    # Memory and swap together; the kernel wants it to be no less than memory alone.
    wished.setdefault(memory, []).append(("memory.memsw.limit_in_bytes", str(memory_bytes)))
    groups = tuple(Group(path, tuple(files[path]), tuple(wished.get(path, ()))) for path in files)
    return Limits(memory_bytes, groups, f"{memory}/memory.oom_control", f"{memory}/memory.max_usage_in_bytes")


def throttling_file(limits: Limits) -> str:
    """The file that counts in how many periods a group had to wait for its next share; "" for none."""
    return next(
        (
            f"{group.path}/cpu.stat"
            for group in limits.groups
            if any(name in ("cpu.max", "cpu.cfs_quota_us") for name, _ in group.files)
        ),
        "",
    )


def _quota(cores: float) -> int:
    """The kernel gives no less than a millisecond."""
    return max(1000, round(cores * PERIOD_US))
