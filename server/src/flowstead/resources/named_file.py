"""Files that a user names on the command line: read with a bound, written with an error that names the option."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowstead.errors import BadArgument


def read_named(file: Path, limit: int, *, option: str = "", hint: str = "") -> bytes:
    """The bytes of a file of at most `limit` of them. Devices and named pipes are refused: they may have no end, or no
    beginning. What the shell hands over as a file, `<(command)`, is read. option: by which it was named, "" for none.
    Raises BadArgument."""
    try:
        # Opening a pipe that nobody writes to would wait for somebody.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as opened:
            _demand_file(file, os.fstat(descriptor).st_mode)
            os.set_blocking(descriptor, True)
            content = opened.read(limit + 1)
        if len(content) > limit:
            raise BadArgument(f"it has more than {limit} bytes")
    except (OSError, ValueError, BadArgument) as failure:
        why = (failure.strerror if isinstance(failure, OSError) else None) or str(failure).partition("\n")[0]
        said = f"{option}: cannot read" if option else "Cannot read"
        raise BadArgument(f"{said} {file}: {why.rstrip('.')}.", hint=hint or "Name another file.") from None
    return content


@contextmanager
def writing_named(target: Path, option: str) -> Iterator[None]:
    """What is written to a place that a user named. Raises BadArgument when it cannot be."""
    try:
        yield
    except OSError as failure:
        raise BadArgument(
            f"{option}: cannot write {target}: {failure.strerror or failure}.", hint="Name a place that you can write."
        ) from None


def _demand_file(file: Path, mode: int) -> None:
    of_the_shell = stat.S_ISFIFO(mode) and "/fd/pipe:[" in os.path.realpath(file)
    if not stat.S_ISREG(mode) and not of_the_shell:
        raise BadArgument("it is a device or a pipe")
