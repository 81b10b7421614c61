"""A collector of OpenTelemetry, which keeps what is sent to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class SeenSpan:
    """One span as the collector got it."""

    name: str
    trace: str
    id: str
    parent: str
    status: int
    message: str
    attributes: dict[str, Any]
    events: dict[str, dict[str, Any]]
    scope: str


@dataclass
class Collector:
    """status: answered to everything."""

    status: int = 200
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    spans: list[SeenSpan] = field(default_factory=list)
    points: dict[tuple[Any, ...], float] = field(default_factory=dict)
    """By the metric's name and the values of its dimensions, sorted by dimension: the count."""
    bounds: dict[str, list[float]] = field(default_factory=dict)
    resource: dict[str, Any] = field(default_factory=dict)
    url: str = ""

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.paths.append(path)
        self.headers.append(headers)
        self.bodies.append(body)
        if "trace" in path:
            self._take_spans(ExportTraceServiceRequest.FromString(body))
        else:
            self._take_metrics(ExportMetricsServiceRequest.FromString(body))

    def span(self, name: str) -> SeenSpan:
        (found,) = [each for each in self.spans if each.name == name]
        return found

    def _take_spans(self, request: Any) -> None:
        for resource in request.resource_spans:
            self.resource = plain(resource.resource.attributes)
            for scope in resource.scope_spans:
                for span in scope.spans:
                    assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
                    self.spans.append(
                        SeenSpan(
                            span.name,
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            span.status.code,
                            span.status.message,
                            plain(span.attributes),
                            {event.name: plain(event.attributes) for event in span.events},
                            scope.scope.name,
                        )
                    )

    def _take_metrics(self, request: Any) -> None:
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                assert scope.scope.name == "Promptflow Standard Metrics"
                for metric in scope.metrics:
                    for point in metric.sum.data_points:
                        self.points[metric.name, *values(point.attributes)] = point.as_int
                    for point in metric.histogram.data_points:
                        assert sum(point.bucket_counts) == point.count
                        self.points[metric.name, *values(point.attributes)] = point.count
                        self.bounds[metric.name] = list(point.explicit_bounds)


def plain(attributes: Any) -> dict[str, Any]:
    return {each.key: plain_value(each.value) for each in attributes}


def plain_value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [plain_value(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)


def values(attributes: Any) -> list[Any]:
    return [value for _, value in sorted(plain(attributes).items())]
