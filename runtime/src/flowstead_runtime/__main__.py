"""`python -m flowstead_runtime serve FLOW` and `… host …`."""

from __future__ import annotations

import sys


def main() -> int:
    """Leave the current folder out of the import path before anything else is imported: a file there, `logging.py`
    for instance, would be taken for the standard library's. The flow's own folder is added when it is loaded."""
    if not sys.flags.safe_path and sys.path:
        del sys.path[0]
    from flowstead_runtime.serving.commands import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
