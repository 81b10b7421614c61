"""The server's log: a file in the home, and the terminal when it runs in the foreground. What no logger catches goes to
a file beside it when it runs in the background."""

from __future__ import annotations

import logging
import os
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

from flowstead.resources.home import Home
from flowstead.rotating_log import is_longer, turn_over
from flowstead.supervise.specification import LOG_BYTES, LOG_FILES

STANDARD_ERROR = 2
LOOK_AT_ERRORS_S = 5.0
"""How often the size of the file for it is looked at while the server runs, seconds."""
_MAX_BYTES = 10 * 1024 * 1024
_KEEP = 3
_LINE = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_QUIET = ("httpx", "httpcore", "uvicorn.access", "alembic", "asyncio")
"""Libraries whose INFO says nothing that a reader of this log wants; the first two would log whole URLs."""


def configure_log(home: Home, *, terminal: bool) -> None:
    """Log to `Home.logs/server.log` (10 MiB, three old ones kept), and to stderr as well when asked."""
    handlers: list[logging.Handler] = [
        RotatingFileHandler(home.logs / "server.log", maxBytes=_MAX_BYTES, backupCount=_KEEP, encoding="utf-8")
    ]
    if terminal:
        handlers.append(logging.StreamHandler(sys.stderr))
        handlers[-1].setLevel(logging.WARNING)
    formatter = logging.Formatter(_LINE, "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    for handler in handlers:
        handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def errors_file(home: Home) -> Path:
    """For what the server in the background writes to its standard error."""
    return home.logs / "server.err"


def bound_errors(file: Path, max_bytes: int = LOG_BYTES, descriptor: int = STANDARD_ERROR) -> None:
    """When the file has become longer, whatever is written to the descriptor goes on in a new one, and LOG_FILES are
    kept in all. Nothing happens to a descriptor that is of another file. Raises OSError."""
    if not is_longer(str(file), max_bytes) or not os.path.samestat(os.fstat(descriptor), file.stat()):
        return
    turn_over(str(file), LOG_FILES)
    fresh = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.dup2(fresh, descriptor)
    os.close(fresh)
