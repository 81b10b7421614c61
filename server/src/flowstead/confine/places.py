"""Where things lie on this host: the system's own folders, what an interpreter needs, where links lead."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

SYSTEM = tuple(
    map(
        Path,
        (
            *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store", "/opt/rocm"),
            # As a whole: files in it, such as resolv.conf, are replaced while instances run. Who may read what in it
            # is the system's own affair: an instance of root's is nobody there.
            "/etc",
            # How many processors there are, and how much memory the process may have.
            *("/sys/devices/system", "/sys/fs/cgroup"),
        ),
    )
)
"""What programs expect everywhere, and everybody on the machine may see."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

_RESOLVER = Path("/etc/resolv.conf")
_MOST_LINKS = 40
"""As the kernel has it, for one path."""


def graphics() -> list[str]:
    """The processors of a local model, where there are any."""
    found = [*Path("/dev").glob("nvidia*"), Path("/dev/kfd"), Path("/dev/dri")]
    return sorted(str(each) for each in found if each.exists())


def resolver_place() -> list[Path]:
    """Where the addresses of name servers lie besides /etc: systemd and others keep them in a folder below /run, where
    they replace the file, so that the folder is needed."""
    real, _ = follow(_RESOLVER)
    if real.is_relative_to("/etc"):
        return []
    return [real.parent if real.is_relative_to("/run") and real.parent != Path("/run") else real]


def interpreter_places(python: Path) -> list[Path]:
    """What an interpreter needs: its virtual environment, if it is one's, and the installation behind it."""
    real, _ = follow(python)
    places = [real.parent.parent if _is_installation(real.parent.parent) else real]
    if (python.parent.parent / "pyvenv.cfg").is_file():
        places.append(python.parent.parent)
    # The links on the way are found by following the path again.
    return [*places, python]


def follow(path: Path) -> tuple[Path, dict[str, str]]:
    """Where the path leads, and every link on the way with what it says. Absolute paths only."""
    links: dict[str, str] = {}
    here, pending, met = Path("/"), list(path.parts[1:]), 0
    while pending:
        part = pending.pop(0)
        if part == "..":
            here = here.parent
            continue
        here /= part
        if met < _MOST_LINKS and here.is_symlink():
            met += 1
            target = Path(os.readlink(here))  # noqa: PTH115 the text as it stands
            links[str(here)] = str(target)
            pending = [*(target.parts[1:] if target.is_absolute() else target.parts), *pending]
            here = Path("/") if target.is_absolute() else here.parent
    return here, links


def outermost(paths: Iterable[str], between: Sequence[str] = ()) -> tuple[str, ...]:
    """The paths without those that lie in another one of them, unless a folder `between` them hides it."""
    kept: list[Path] = []
    for path in sorted({Path(each) for each in paths}):
        holder = next((each for each in reversed(kept) if path.is_relative_to(each)), None)
        if holder is None or any(path.is_relative_to(each) and Path(each).is_relative_to(holder) for each in between):
            kept.append(path)
    return tuple(map(str, kept))


def _is_installation(prefix: Path) -> bool:
    """Whether it is a Python's own folder, and not one that holds a binary among other things."""
    return prefix != Path("/") and any((each / "os.py").is_file() for each in prefix.glob("lib*/python3*"))
