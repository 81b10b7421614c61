"""Where this process may make control groups, by what the kernel says of itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

CONTROLLERS = ("cpu", "memory")


@dataclass(frozen=True)
class Mount:
    """A mounted hierarchy. shown: the group that is at its top, "/" for all. controllers: of version 1; empty for
    version 2."""

    point: str
    shown: str
    controllers: frozenset[str]


def mounts_in(mountinfo: str) -> tuple[Mount, ...]:
    """mountinfo: of /proc/self."""
    found = []
    for line in mountinfo.splitlines():
        about, _, rest = line.partition(" - ")
        fields, kind = about.split(" "), rest.split(" ")
        if len(fields) > 4 and len(kind) > 2 and kind[0] in ("cgroup", "cgroup2"):
            options = frozenset(kind[2].split(",")) if kind[0] == "cgroup" else frozenset()
            found.append(Mount(_unescaped(fields[4]), _unescaped(fields[3]), options))
    return tuple(found)


def places_v1(mounts: Iterable[Mount], own: str) -> Mapping[str, str] | None:
    """Controller → directory of this process's group in its hierarchy; None when one is missing. own: what
    /proc/self/cgroup says.

    Below its own group, so that what this process is limited to holds for what it starts, too."""
    groups = _own_groups(own)
    places: dict[str, str] = {}
    for controller in CONTROLLERS:
        mount = next((each for each in mounts if controller in each.controllers), None)
        path = next((path for names, path in groups if controller in names), None)
        if mount is None or path is None:
            return None
        places[controller] = _below(mount, path)
    return places


def place_v2(mounts: Iterable[Mount], own: str) -> str | None:
    """The directory of this process's group; None where version 2 is not mounted."""
    mount = next((each for each in mounts if not each.controllers), None)
    path = next((path for names, path in _own_groups(own) if names == {""}), None)
    return None if mount is None or path is None else _below(mount, path)


def _own_groups(own: str) -> list[tuple[set[str], str]]:
    """(controllers, path) of each hierarchy."""
    lines = [line.split(":", 2) for line in own.splitlines()]
    return [(set(parts[1].split(",")), parts[2]) for parts in lines if len(parts) == 3]


def _below(mount: Mount, path: str) -> str:
    """A path that is not in what is mounted belongs to a container's namespace: its top is all that there is."""
    group, top = PurePosixPath(path), PurePosixPath(mount.shown)
    inside = group.relative_to(top) if group.is_relative_to(top) else PurePosixPath()
    return str(PurePosixPath(mount.point) / inside)


def _unescaped(path: str) -> str:
    return path.replace("\\040", " ")
