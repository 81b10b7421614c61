"""Why Envoy did not take a configuration, in its own words and without the keys."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from flowstead.gateway.bootstrap import everything_inline
from flowstead.gateway.routes import Configuration

_TIMEOUT_S = 20.0
_SHOWN = 600


def reason(binary: Path, wanted: Configuration, secrets: Iterable[str], directory: Path) -> str:
    """Let another Envoy read it, which changes nothing. "" when that one finds no fault.

    directory: private, where the file may lie for the moment.
    """
    with tempfile.NamedTemporaryFile("w", dir=directory, suffix=".json") as file:
        json.dump(everything_inline(wanted), file)
        file.flush()
        arguments = [str(binary), "--mode", "validate", "--config-path", file.name, "--log-level", "critical"]
        try:
            run = subprocess.run(
                [*arguments, "--disable-hot-restart", "--reject-unknown-dynamic-fields"],
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
    return "" if run.returncode == 0 else _words(run.stderr, secrets)


def _words(output: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        output = output.replace(secret, "***").replace(json.dumps(secret)[1:-1], "***")
    lines = [re.sub(r"^\[[^ ]* [^ ]*\]\[[0-9]+\]\[\w+\]\[\w+\] \[[^ ]*\] ", "", line) for line in output.splitlines()]
    return "\n".join(line for line in lines if line.strip())[:_SHOWN]
