"""The server's log: a file in the home, and the terminal when it runs in the foreground."""

from __future__ import annotations

import logging
import sys
import time
from logging.handlers import RotatingFileHandler

from flowstead.resources.home import Home

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
