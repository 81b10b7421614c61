"""Confinement as a command, for those who cannot confine themselves between fork and exec.

    python -I -S command.py try                          what the host can enforce, as JSON
    python -I -S command.py run DESCRIPTION PROGRAM …    run the program confined, to its end

DESCRIPTION is a `Confinement` as JSON: paths and numbers, nothing secret. The program gets the descriptors 0, 1 and 2;
others stay open in this process, which waits for it and ends as it did.
"""

# pathlib would cost each start 10 ms; no shell is wanted
# ruff: noqa: PTH100, PTH120, S606

from __future__ import annotations

import json
import os
import signal
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from flowstead.confine import calls, kernel, landlock
from flowstead.confine.launcher import confine, enter_process_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

_A_USER = 700_000_000
_CANNOT = 126
_EVERY_USER = 4_294_967_295


def main() -> None:
    if sys.argv[1] == "try":
        print(json.dumps(_abilities()))
        return
    program = sys.argv[3:]
    sys.exit(_run(json.loads(sys.argv[2]), lambda: os.execve(program[0], program, os.environ)))


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


def _run(description: dict[str, Any], program: Callable[[], NoReturn]) -> int:
    """Its exit code, 128 and more for a signal."""
    try:
        enter_process_namespace(description)
        pid = os.fork()
        if pid == 0:
            confine(description, inherited=3)
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of the user would undo it
            program()
    except OSError as failure:
        print(f"Cannot run confined: {failure.strerror or failure}.", file=sys.stderr, flush=True)
        os._exit(_CANNOT)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else 128 - code


def _works(description: dict[str, Any]) -> bool:
    """Tried in a child: namespaces are left by nobody."""
    pid = os.fork()
    if pid == 0:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 2)
        os._exit(_run(description, lambda: os._exit(0)))
    return os.waitpid(pid, 0)[1] == 0


if __name__ == "__main__":
    main()
