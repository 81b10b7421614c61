"""Sending to Application Insights, through Microsoft's own exporter where it is installed.

It takes the OpenTelemetry SDK's objects; the SDK is there where the exporter is.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from flowstead_runtime.telemetry.metric_points import BOUNDS_MS, METER
from flowstead_runtime.telemetry.records import SpanRecord

log = logging.getLogger("flowstead.telemetry")

PACKAGE = "azure-monitor-opentelemetry-exporter"


def open_azure_monitor(connection_string: str, resource: Mapping[str, Any]) -> AzureMonitor | None:
    """None, and a warning, when the package is not installed or does not take the connection string."""
    try:
        return AzureMonitor(connection_string, resource)
    except ImportError as problem:
        log.warning(
            "telemetry does not reach Application Insights: %s. Add %s to requirements.txt in the flow's folder.",
            problem,
            PACKAGE,
        )
    except ValueError as problem:
        log.warning("telemetry does not reach Application Insights: its connection string is wrong: %s", problem)
    return None


class AzureMonitor:
    """Raises ImportError or ValueError when it is made."""

    def __init__(self, connection_string: str, resource: Mapping[str, Any]) -> None:
        from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter
        from opentelemetry import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider

        self._resource = Resource(dict(resource))
        self._growth = Growth()
        trace.set_tracer_provider(TracerProvider(resource=self._resource))  # the exporter asks it for the resource
        os.environ.setdefault("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")  # else it tells Microsoft of itself
        self._traces: Any = AzureMonitorTraceExporter(connection_string=connection_string)
        self._metrics: Any = AzureMonitorMetricExporter(connection_string=connection_string)

    def spans(self, spans: list[SpanRecord]) -> None:
        try:
            self._traces.export([self._span(each) for each in spans])
        except Exception as problem:  # somebody else's code; the next batch may fare better
            log.warning("telemetry: Application Insights did not take %d spans: %s", len(spans), problem)

    def metrics(self, points: dict[str, Any]) -> None:
        try:
            self._metrics.export(self._metrics_data(points))
        except Exception as problem:  # as above
            log.warning("telemetry: Application Insights did not take metrics: %s", problem)

    def close(self) -> None:
        self._traces.shutdown()
        self._metrics.shutdown()

    def _span(self, span: SpanRecord) -> Any:
        from opentelemetry.sdk.trace import Event, ReadableSpan
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

        def context(trace_id: int, span_id: int, *, remote: bool) -> SpanContext:
            return SpanContext(trace_id, span_id, remote, TraceFlags(TraceFlags.SAMPLED))

        code = StatusCode(span.status)
        return ReadableSpan(
            span.name,
            context=context(span.trace_id, span.span_id, remote=False),
            parent=context(span.trace_id, span.parent_id, remote=True) if span.parent_id else None,
            resource=self._resource,
            attributes=span.attributes,
            events=[Event(name, told, at_ns) for name, at_ns, told in span.events],
            links=[Link(context(to, at, remote=True), told) for to, at, told in span.links],
            kind=SpanKind(span.kind),
            status=Status(code, span.message if code is StatusCode.ERROR else None),
            start_time=span.began_ns,
            end_time=span.ended_ns,
            instrumentation_scope=InstrumentationScope(span.scope),
        )

    def _metrics_data(self, points: Mapping[str, Any]) -> Any:
        from opentelemetry.sdk.metrics import export as sdk
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        times = (points["since_ns"], points["until_ns"])
        delta = sdk.AggregationTemporality.DELTA
        metrics = []
        for name, found in points["counters"].items():
            cells = [
                sdk.NumberDataPoint(told, *times, count)
                for told, (count,) in self._growth.since_last(name, ((told, [count]) for told, count in found))
            ]
            metrics.append(sdk.Metric(name, "", "", sdk.Sum(cells, delta, True)))
        for name, found in points["histograms"].items():
            told_apart = ((told, [*counts, total]) for told, counts, total in found)
            bars = [
                sdk.HistogramDataPoint(
                    told, *times, int(sum(counts)), total, [int(each) for each in counts], BOUNDS_MS, *extremes(counts)
                )
                for told, (*counts, total) in self._growth.since_last(name, told_apart)
            ]
            metrics.append(sdk.Metric(name, "", "ms", sdk.Histogram(bars, delta)))
        scope = sdk.ScopeMetrics(InstrumentationScope(METER), metrics, "")
        return sdk.MetricsData([sdk.ResourceMetrics(self._resource, [scope], "")])


class Growth:
    """Of counters that only ever count up: Application Insights adds up what it gets."""

    def __init__(self) -> None:
        self._last: dict[tuple[Any, ...], list[float]] = {}

    def since_last(
        self, name: str, series: Iterable[tuple[dict[str, Any], list[float]]]
    ) -> Iterator[tuple[dict[str, Any], list[float]]]:
        """What each series has grown by; those that have not are left out."""
        for told, numbers in series:
            key = (name, *told.items())
            before = self._last.get(key, [0.0] * len(numbers))
            self._last[key] = numbers
            if numbers != before:
                yield told, [now - then for now, then in zip(numbers, before, strict=True)]


def extremes(counts: Sequence[float]) -> tuple[float, float]:
    """The least and the most that these buckets can hold."""
    filled = [index for index, count in enumerate(counts) if count]
    edges = (0.0, *BOUNDS_MS, BOUNDS_MS[-1])
    return edges[filled[0]], edges[filled[-1] + 1]
