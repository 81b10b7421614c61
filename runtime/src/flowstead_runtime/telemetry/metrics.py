"""Counting: promptflow's standard metrics, summed up from the start of the process."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any

from flowstead_runtime.telemetry.metric_points import BOUNDS_MS, COUNTERS, HISTOGRAMS

FLOW = "default_flow_id"
"""What promptflow's dimension `flow` holds for any flow that has no id of its own; an endpoint's flow never has."""

MOST_SERIES = 2000
"""Combinations of dimensions of one metric, as the SDK has it; more are counted together."""
_OVERFLOW = ("overflow",)


class Metrics:
    """To be used from any thread. dimensions: added to all. Durations in milliseconds."""

    def __init__(self, dimensions: Mapping[str, str], now_ns: Callable[[], int] = time_ns) -> None:
        self._dimensions = dict(dimensions)
        self._now_ns = now_ns
        self._since_ns = now_ns()
        self._lock = threading.Lock()
        self._counters: dict[str, dict[tuple[str, ...], int]] = {name: {} for name in COUNTERS}
        self._histograms: dict[str, dict[tuple[str, ...], list[float]]] = {name: {} for name in HISTOGRAMS}

    def flow_request(self, code: int, exception: str, *, streaming: bool) -> None:
        self._count("Flow_Request", (FLOW, str(code), str(streaming), exception))

    def flow_latency(self, code: int, ms: float, response_type: str, *, streaming: bool) -> None:
        """response_type: firstbyte and lastbyte of a stream, default of anything else."""
        self._record("Flow_Latency", (FLOW, str(code), str(streaming), response_type), ms)

    def stream_duration(self, ms: float) -> None:
        """From the first byte to the last."""
        self._record("Flow_Streaming_Response_Duration", (FLOW,), ms)

    def node(self, node: str, run_status: str, exception: str, ms: float) -> None:
        self._count("Node_Request", (FLOW, node, run_status, exception))
        self._record("Node_Latency", (FLOW, node, run_status), ms)

    def rpc(self, node: str, api_call: str, exception: str, ms: float) -> None:
        """A call below a node. api_call: its name behind those of the calls above it."""
        self._count("RPC_Request", (FLOW, node, api_call, exception))
        self._record("RPC_Latency", (FLOW, node, api_call), ms)

    def tokens(self, node: str, engine: str, token_type: str, count: int) -> None:
        self._count("Token_Consumption", (FLOW, node, engine, token_type), count)

    def points(self) -> dict[str, Any]:
        """All there is now, as plain values: since when, until when, and by metric the dimensions with the count, or
        with the buckets' counts and the sum."""
        with self._lock:
            counters = {
                name: [(self._named(COUNTERS[name], key), count) for key, count in series.items()]
                for name, series in self._counters.items()
                if series
            }
            histograms = {
                name: [
                    (self._named(HISTOGRAMS[name], key), [int(each) for each in cells[:-1]], cells[-1])
                    for key, cells in series.items()
                ]
                for name, series in self._histograms.items()
                if series
            }
        return {
            "since_ns": self._since_ns,
            "until_ns": self._now_ns(),
            "counters": counters,
            "histograms": histograms,
        }

    def _count(self, name: str, key: tuple[str, ...], count: int = 1) -> None:
        with self._lock:
            series = self._counters[name]
            key = key if key in series or len(series) < MOST_SERIES else _OVERFLOW
            series[key] = series.get(key, 0) + count

    def _record(self, name: str, key: tuple[str, ...], ms: float) -> None:
        """A cell for each bucket, the last one for the sum."""
        with self._lock:
            series = self._histograms[name]
            key = key if key in series or len(series) < MOST_SERIES else _OVERFLOW
            cells = series.get(key)
            if cells is None:
                cells = series[key] = [0.0] * (len(BOUNDS_MS) + 2)
            cells[bisect_left(BOUNDS_MS, ms)] += 1
            cells[-1] += ms

    def _named(self, names: tuple[str, ...], key: tuple[str, ...]) -> dict[str, Any]:
        if key == _OVERFLOW:
            return {"otel.metric.overflow": True, **self._dimensions}
        return {**dict(zip(names, key, strict=True)), **self._dimensions}
