"""Why Envoy did not take a configuration, in its own words and without the keys."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from flowstead.gateway.bootstrap import everything_inline
from flowstead.gateway.routes import Configuration

_TIMEOUT_S = 20.0
_SHOWN = 1000
_INVALID = "Proto constraint validation failed"
_UNREADABLE = "Unable to parse JSON as proto"


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
    return "" if run.returncode == 0 else words(run.stderr, secrets)


def words(output: str, secrets: Iterable[str]) -> str:
    """The fault alone: Envoy shows the whole configuration before or after it, keys included."""
    text = output.partition("error initializing configuration ")[2].partition(": ")[2] or output
    if _INVALID in text:
        text = text[text.rindex(_INVALID) :].replace(": embedded message failed validation | caused by ", " → ")
    text = text.partition("): {")[0] if _UNREADABLE in text else text
    for secret in secrets:
        text = text.replace(secret, "***").replace(json.dumps(secret)[1:-1], "***")
    return " ".join(text.split())[:_SHOWN]
