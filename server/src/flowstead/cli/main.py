"""`flowstead`: from the words of a command line to a command and an exit code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping, Sequence


def main() -> None:
    """The console script."""
    arguments = sys.argv[1:]
    if _is_serve(arguments):
        # Straight into the runtime: nothing of the command line is worth the time to import it.
        words = [sys.executable, "-m", "flowstead_runtime", *arguments]
        os.execve(sys.executable, words, _without_master_key(os.environ))  # noqa: S606
    from flowstead.cli.running import run

    if isinstance(sys.stdout, io.TextIOWrapper):  # as stderr: a terminal that lacks a character is no error
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(arguments))


def _without_master_key(environment: Mapping[str, str]) -> dict[str, str]:
    """A flow is served with its user's environment, but the key to all secrets of a home is no business of a flow."""
    return {name: value for name, value in environment.items() if not name.startswith("FLOWSTEAD_MASTER_KEY")}


def _is_serve(arguments: Sequence[str]) -> bool:
    return len(arguments) > 1 and arguments[0] == "serve" and not {"-h", "--help"} & set(arguments)


if __name__ == "__main__":
    main()
