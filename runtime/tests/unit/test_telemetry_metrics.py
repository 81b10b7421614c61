from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from flowstead_runtime.errors import InputError, NodeFailed, ProviderFailed
from flowstead_runtime.promptflow_api.exceptions import UserErrorException
from flowstead_runtime.telemetry.error_codes import error_code
from flowstead_runtime.telemetry.metric_points import BOUNDS_MS, COUNTERS, HISTOGRAMS, encode_points
from flowstead_runtime.telemetry.metrics import MOST_SERIES, Metrics


def measured() -> Metrics:
    metrics = Metrics({"zone": "x"}, now_ns=lambda: 42)
    metrics.flow_request(200, "", streaming=False)
    metrics.flow_request(200, "", streaming=False)
    for ms in (0.5, 1.0, 1.5, 1e9):
        metrics.flow_latency(200, ms, "default", streaming=False)
    metrics.stream_duration(3)
    metrics.node("n", "Completed", "", 4)
    metrics.rpc("n", "openai_chat", "", 5)
    metrics.tokens("n", "gpt", "prompt_tokens", 17)
    return metrics


def read(metrics: Metrics) -> dict[str, Any]:
    encoded = encode_points(metrics.points(), {"service.name": "promptflow"})
    (resource,) = ExportMetricsServiceRequest.FromString(encoded).resource_metrics
    (scope,) = resource.scope_metrics
    assert scope.scope.name == "Promptflow Standard Metrics"
    return {each.name: each for each in scope.metrics}


def test_a_collector_reads_what_was_counted() -> None:
    found = read(measured())
    assert set(found) == {*COUNTERS, *HISTOGRAMS}
    requests = found["Flow_Request"].sum
    assert (requests.is_monotonic, requests.aggregation_temporality) == (True, 2)
    (point,) = requests.data_points
    assert (point.as_int, point.start_time_unix_nano, point.time_unix_nano) == (2, 42, 42)
    assert {each.key: each.value.string_value for each in point.attributes} == {
        "flow": "default_flow_id",
        "response_code": "200",
        "streaming": "False",
        "exception": "",
        "zone": "x",
    }
    assert found["Token_Consumption"].sum.data_points[0].as_int == 17


def test_durations_fall_into_their_buckets() -> None:
    (point,) = read(measured())["Flow_Latency"].histogram.data_points
    assert tuple(point.explicit_bounds) == BOUNDS_MS
    counts = list(point.bucket_counts)
    assert (counts[0], counts[1], counts[-1]) == (2, 1, 1)
    assert (point.count, point.sum) == (4, 1e9 + 3)


def test_the_number_of_series_is_bounded() -> None:
    metrics = Metrics({})
    for number in range(MOST_SERIES + 10):
        metrics.rpc("n", f"call {number}", "", 1)
    series = metrics.points()["counters"]["RPC_Request"]
    assert len(series) == MOST_SERIES + 1
    assert series[-1] == ({"otel.metric.overflow": True}, 10)


def test_failures_go_by_promptflows_names() -> None:
    failed = NodeFailed("no")
    assert error_code(failed) == "UserErrorException"
    failed.__cause__ = ValueError()
    assert error_code(failed) == "ToolExecutionError"
    failed.__cause__ = UserErrorException("mine")
    assert error_code(failed) == "UserErrorException"
    assert error_code(ProviderFailed("no")) == "WrappedOpenAIError"
    assert error_code(InputError("no")) == "UserErrorException"
