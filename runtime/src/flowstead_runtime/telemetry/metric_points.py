"""The metrics' names and buckets, and their points as OTLP has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowstead_runtime.telemetry.otlp import encode_histogram, encode_metrics, encode_sum

METER = "Promptflow Standard Metrics"
BOUNDS_MS = (
    *(1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0),
    *(1000.0, 2500.0, 5000.0, 7500.0, 10000.0, 25000.0, 50000.0, 75000.0, 100000.0, 300000.0),
)
COUNTERS: Mapping[str, tuple[str, ...]] = {
    "Token_Consumption": ("flow", "node", "llm_engine", "token_type"),
    "Flow_Request": ("flow", "response_code", "streaming", "exception"),
    "Node_Request": ("flow", "node", "run_status", "exception"),
    "RPC_Request": ("flow", "node", "api_call", "exception"),
}
HISTOGRAMS: Mapping[str, tuple[str, ...]] = {
    "Flow_Latency": ("flow", "response_code", "streaming", "response_type"),
    "Flow_Streaming_Response_Duration": ("flow",),
    "Node_Latency": ("flow", "node", "run_status"),
    "RPC_Latency": ("flow", "node", "api_call"),
}
"""By name, the dimensions."""


def encode_points(points: Mapping[str, Any], resource: Mapping[str, Any]) -> bytes:
    """An ExportMetricsServiceRequest. points: what `Metrics.points` gives."""
    times = {"since_ns": points["since_ns"], "until_ns": points["until_ns"]}
    sums = [encode_sum(name, found, **times) for name, found in points["counters"].items()]
    histograms = [
        encode_histogram(name, found, bounds=BOUNDS_MS, **times) for name, found in points["histograms"].items()
    ]
    return encode_metrics([*sums, *histograms], resource, METER)
