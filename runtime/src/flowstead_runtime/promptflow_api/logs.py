"""Loggers for flow code."""

from __future__ import annotations

import logging


def get_logger(name: str) -> logging.Logger:
    """A plain logger of that name."""
    return logging.getLogger(name)
