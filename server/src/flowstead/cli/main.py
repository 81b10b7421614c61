"""`flowstead`: from the words of a command line to a command and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main() -> None:
    """The console script."""
    arguments = sys.argv[1:]
    if _is_serve(arguments):
        # Straight into the runtime: nothing of the command line is worth the time to import it.
        os.execv(sys.executable, [sys.executable, "-m", "flowstead_runtime", *arguments])  # noqa: S606
    from flowstead.cli.running import run

    sys.exit(run(arguments))


def _is_serve(arguments: Sequence[str]) -> bool:
    return len(arguments) > 1 and arguments[0] == "serve" and not {"-h", "--help"} & set(arguments)


if __name__ == "__main__":
    main()
