"""Confinement as a command, for those who cannot confine themselves between fork and exec.

    python -I -S command.py try                          what the host can enforce, as JSON
    python -I -S command.py run DESCRIPTION PROGRAM …    confine this process, then become the program

DESCRIPTION is a `Confinement` as JSON: paths and numbers, nothing secret. Descriptors above 2 stay outside.
"""

# pathlib would cost each start 10 ms; no shell is wanted
# ruff: noqa: PTH100, PTH120, S606

from __future__ import annotations

import json
import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from flowstead.confine import calls, landlock
from flowstead.confine.launcher import confine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_A_USER = 700_000_000
_CANNOT = 126
_EVERY_USER = 4_294_967_295


def main() -> None:
    if sys.argv[1] == "try":
        print(json.dumps(_abilities()))
        return
    try:
        confine(json.loads(sys.argv[2]), inherited=3)
        os.execve(sys.argv[3], sys.argv[3:], os.environ)
    except OSError as failure:
        print(f"{sys.argv[3]} cannot be run confined: {failure.strerror or failure}.", file=sys.stderr)
        sys.exit(_CANNOT)


def _abilities() -> dict[str, Any]:
    version = landlock.version()
    if version and not _works(_description(landlock=version)):
        version = 0
    root = os.geteuid() == 0 and _has_every_user()
    own_user = root and _works(_description(namespaces=True, user=[_A_USER, _A_USER]))
    namespaces = own_user or _works(_description(namespaces=True))
    call_filter = calls.is_known(os.uname().machine) and _works(_description(call_filter=True))
    return {"namespaces": namespaces, "landlock": version, "own_user": own_user, "call_filter": call_filter}


def _description(**wanted: Any) -> dict[str, Any]:
    none = dict.fromkeys(("readable", "writable", "devices", "hidden", "owned", "links", "files"), ())
    plain = {"namespaces": False, "landlock": 0, "call_filter": False, "user": None, "umask": 0o077}
    return {**none, **plain, "readable": ("/usr",), **wanted}


def _has_every_user() -> bool:
    """In a container with users of its own there are only some; which of them are free nobody can say."""
    try:
        with open("/proc/self/uid_map") as file:  # noqa: PTH123
            return file.read().split() == ["0", "0", str(_EVERY_USER)]
    except OSError:
        return False


def _works(description: dict[str, Any]) -> bool:
    pid = os.fork()
    if pid == 0:
        try:
            confine(description, inherited=3)
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


if __name__ == "__main__":
    main()
