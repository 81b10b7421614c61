"""Environment variables that a Dockerfile or a conda file sets: which of them instances get. Pure."""

from __future__ import annotations

import re

from flowstead.resources.data_collector import COLLECTOR_VARIABLE
from flowstead_runtime.secret_values import looks_secret

_NAME = re.compile(r"[A-Za-z_]\w*", re.A)
_OF_THE_IMAGE = frozenset(
    {
        *("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD"),
        *("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX"),
    }
)


def is_taken_over(name: str) -> bool:
    """Not what says where things lie in the image; here they lie elsewhere."""
    return name not in _OF_THE_IMAGE


def why_refused(name: str, value: str) -> str:
    """Why no environment may set it, "" when one may. The value is not said."""
    if not _NAME.fullmatch(name) or "\0" in value:
        return f"{name[:120]!r} is not NAME=VALUE"
    if name == COLLECTOR_VARIABLE:
        return f"{name} is set by the server"
    if looks_secret(name, value):
        return (
            f"{name} looks like a secret, and an environment is read by more people than may know it: give it to the "
            "deployment, among its environment variables"
        )
    return ""
