"""Sending to Application Insights, through Microsoft's own exporter where it is installed.

It takes the OpenTelemetry SDK's objects; the SDK is there where the exporter is.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
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
        from opentelemetry.sdk.resources import Resource

        self._resource = Resource(dict(resource))
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
        cumulative = sdk.AggregationTemporality.CUMULATIVE
        metrics = [
            sdk.Metric(
                name,
                "",
                "",
                sdk.Sum([sdk.NumberDataPoint(told, *times, count) for told, count in found], cumulative, True),
            )
            for name, found in points["counters"].items()
        ]
        for name, found in points["histograms"].items():
            cells = [
                sdk.HistogramDataPoint(
                    told, *times, sum(counts), total, counts, BOUNDS_MS, min=float("nan"), max=float("nan")
                )
                for told, counts, total in found
            ]
            metrics.append(sdk.Metric(name, "", "ms", sdk.Histogram(cells, cumulative)))
        scope = sdk.ScopeMetrics(InstrumentationScope(METER), metrics, "")
        return sdk.MetricsData([sdk.ResourceMetrics(self._resource, [scope], "")])
