"""An error as a block on the terminal: what failed, in whose words, and what to do next."""

from __future__ import annotations

import sys
from typing import TextIO

from flowstead.cli.terminal import harmless
from flowstead.errors import FlowsteadError, PassingTrouble


def describe_failure(failure: FlowsteadError) -> str:
    """`error: CODE: message`, the details indented, `next: …`."""
    lines = [f"error: {failure.code}: {failure.message}"]
    lines += [f"  {line}" if line else "" for line in failure.details.strip("\n").splitlines()]
    if isinstance(failure, PassingTrouble) and failure.where:
        lines.append(f"  {failure.where}")
    if failure.next_step:
        lines.append(f"next: {failure.next_step}")
    return "\n".join(lines)


def show_failure(failure: FlowsteadError, stream: TextIO | None = None) -> None:
    out = stream or sys.stderr
    print(harmless(describe_failure(failure), out), file=out, flush=True)
