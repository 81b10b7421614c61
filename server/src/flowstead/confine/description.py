"""What a confined process may reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowstead.confine.abilities import Abilities
from flowstead.confine.places import DEVICES, SYSTEM, follow, graphics, outermost, resolver_place

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that name the files of those whom the host trusts: not secret, and without them nothing behind a company's
proxy can be called."""

_USERS = "root:x:0:0::/:/usr/sbin/nologin\nflow:x:{0}:{1}::{2}:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n"


@dataclass(frozen=True)
class Confinement:
    """As `launcher.confine` carries it out. Paths are absolute and have no symbolic link in them.

    namespaces: only what is named is there at all, and only the processes that it starts, which end with the first of
    them. landlock: the version whose rules apply, 0 for none. call_filter: as `calls` has it. user: (uid, gid) to
    become. readable: may be read and executed, with all below. hidden: folders inside of readable ones that show only
    what is named. owned: are made the user's. links, files: (path, target or text), made in the view.
    """

    namespaces: bool
    landlock: int
    call_filter: bool
    user: tuple[int, int] | None
    readable: tuple[str, ...]
    writable: tuple[str, ...]
    devices: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    owned: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    umask: int = 0o077


@dataclass(frozen=True)
class Reach:
    """What one process may reach besides the system. scratch: its folder for everything that it writes, also its /tmp.
    shared: folders that it may write as others may. hidden: must be out of its sight, also where a readable folder
    holds it."""

    scratch: Path
    readable: Sequence[Path] = ()
    shared: Sequence[Path] = ()
    hidden: Sequence[Path] = ()


def confinement(
    abilities: Abilities, reach: Reach, *, user: tuple[int, int] | None, umask: int = 0o077
) -> Confinement | None:
    """None when the host can enforce nothing. user: to become where the host can do that."""
    if not abilities.any:
        return None
    user = user if abilities.own_user else None
    links: dict[str, str] = {}
    readable = _real((*SYSTEM, *resolver_place(), *reach.readable), links)
    writable = _real((reach.scratch, *reach.shared), links)
    scratch, shown = writable[0], (*readable, *writable)
    # Where nothing that is shown lies in /tmp, it is the scratch folder; else one of its own, in which the folders that
    # lead to what is shown must not be the process's to write.
    on_the_way = sorted({"/".join(path.split("/", 3)[:3]) for path in shown if path.startswith("/tmp/")})  # noqa: S108
    if not on_the_way:
        links["/tmp"] = scratch  # noqa: S108
    hidden = [path for path in on_the_way if path not in shown]
    hidden += [path for path in _real(reach.hidden, links) if any(_is_below(path, each) for each in readable)]
    return Confinement(
        namespaces=abilities.namespaces,
        landlock=abilities.landlock,
        # A user of its own has no other processes.
        call_filter=abilities.call_filter and user is None,
        user=user,
        readable=outermost(readable, hidden),
        writable=tuple(dict.fromkeys(writable)),
        devices=tuple(path for path in (*DEVICES, *graphics()) if Path(path).exists()),
        hidden=tuple(hidden),
        owned=(scratch,) if user else (),
        links=tuple(links.items()),
        files=(("/etc/passwd", _USERS.format(*user, scratch)),) if user and abilities.namespaces else (),
        umask=umask,
    )


def certificate_files(variables: Mapping[str, str]) -> list[Path]:
    """Those that the variables name."""
    named = (Path(variables[name]) for name in CERTIFICATES if variables.get(name))
    return [path for path in named if path.is_absolute() and path.exists()]


def _real(paths: Iterable[Path], links: dict[str, str]) -> list[str]:
    """The paths without links, and the links that lead there. What is not there is left out."""
    found: list[str] = []
    for path in paths:
        real, met = follow(path)
        if real.exists():
            found.append(str(real))
            links.update(met)
    return found


def _is_below(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)
