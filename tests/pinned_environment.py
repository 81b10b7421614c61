"""Somebody else's packages in an environment of their own under `.cache`, by pins with hashes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_CACHE = Path(__file__).resolve().parent.parent / ".cache"


def python_with(name: str, pins: Path, version: str = "3.11") -> Path:
    """The interpreter of the environment `.cache/{name}`. Installed once; a change of the pins does it again.

    version: of Python, or the path of an interpreter."""
    place = _CACHE / name
    python, done = place / "bin" / "python", place / "installed-pins.txt"
    if done.is_file() and done.read_bytes() == pins.read_bytes():
        return python
    uv = str(Path(sys.executable).parent / "uv")
    environment = {"UV_CACHE_DIR": str(_CACHE / "uv"), **os.environ}
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", version, str(place)],
        [uv, "pip", "sync", "--quiet", "--python", str(python), "--require-hashes", str(pins)],
    ):
        subprocess.run(command, check=True, env=environment)
    done.write_bytes(pins.read_bytes())
    return python
