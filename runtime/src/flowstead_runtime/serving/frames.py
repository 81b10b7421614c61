"""Which lines of a stack are the flow's own."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

_SHOWN = 5
_RUNTIME = str(Path(__file__).resolve().parent.parent) + "/"
_NOT_THE_FLOWS = (_RUNTIME, "<frozen", sys.base_prefix + "/lib/python")


def user_lines(frames: Iterable[traceback.FrameSummary]) -> list[str]:
    """The last of them that are neither the runtime's nor Python's own, as a traceback shows them; the last is where it
    stands."""
    own = [each for each in frames if not each.filename.startswith(_NOT_THE_FLOWS)]
    return "".join(traceback.format_list(own[-_SHOWN:])).rstrip().splitlines()
