"""Runs one command, and ends with it all that it has started when it is told to end by SIGTERM, in whatever sessions
that is: an engine runs the steps of a build in sessions of their own, which nobody ends when the engine is killed.

    python -I -S reaper.py COMMAND…

It ends as the command has ended. Standard library only, since -I leaves everything else out.
"""

# it shall start soon
# ruff: noqa: PTH100, PTH120

from __future__ import annotations

import os
import signal
import sys

if __name__ == "__main__":  # where this package is, since -I leaves it out
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from flowstead.process_tree import adopt_orphans, kill_descendants


def main(command: list[str]) -> int:
    """The command's exit code, 128 and more for a signal."""
    adopt_orphans()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
    # Python ignores these two, which the command would inherit.
    defaults = (signal.SIGPIPE, signal.SIGXFSZ)
    running = os.posix_spawnp(command[0], command, os.environ, setsigmask=(), setsigdef=defaults)
    while True:
        if signal.sigwait({signal.SIGTERM, signal.SIGCHLD}) == signal.SIGTERM:
            kill_descendants()
            return 128 + signal.SIGTERM
        while (ended := _ended()) is not None:
            pid, status = ended
            if pid == running:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code


def _ended() -> tuple[int, int] | None:
    """The next child that has ended and how, adopted ones too; None when there is none now."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
