"""Metrics of aggregation nodes."""

from __future__ import annotations


def log_metric(key: str, value: float, variant_id: str | None = None) -> None:
    """Metrics belong to bulk runs; a single request has none, so nothing is kept."""
