from __future__ import annotations

import pytest

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.telemetry.settings import read_settings

BASE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def test_without_an_exporter_there_is_no_telemetry() -> None:
    assert read_settings({}) is None
    assert read_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": " ", "PF_DISABLE_TRACING": "false"}) is None


@pytest.mark.parametrize(
    ("given", "traces", "metrics"),
    [
        ("http://c:4318", "http://c:4318/v1/traces", "http://c:4318/v1/metrics"),
        ("https://c/", "https://c/v1/traces", "https://c/v1/metrics"),
        ("http://c/own/path", "http://c/own/path", "http://c/own/path"),
        ("http://c/?key=x", "http://c/?key=x", "http://c/?key=x"),
    ],
)
def test_a_bare_address_gets_the_standard_paths(given: str, traces: str, metrics: str) -> None:
    settings = read_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": given})
    assert settings is not None
    assert settings.traces is not None
    assert settings.metrics is not None
    assert (settings.traces.url, settings.metrics.url) == (traces, metrics)


def test_one_signal_may_go_alone_or_elsewhere() -> None:
    alone = read_settings({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://m/v1/metrics"})
    assert alone is not None
    assert (alone.traces, alone.spans, alone.measures) == (None, False, True)
    elsewhere = read_settings({**BASE, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x"})
    assert elsewhere is not None
    assert elsewhere.traces is not None
    assert elsewhere.traces.url == "http://t/x"


def test_headers_are_decoded_and_kept_out_of_what_is_said() -> None:
    settings = read_settings(
        {
            **BASE,
            "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%3Db, team = x,broken",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "team=y",
        }
    )
    assert settings is not None
    assert settings.traces is not None
    assert settings.metrics is not None
    assert settings.metrics.headers == {"api-key": "a=b", "team": "x"}
    assert settings.traces.headers == {"api-key": "a=b", "team": "y"}
    assert "a=b" not in repr(settings)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({**BASE, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http/protobuf only"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT must be an address"),
        ({**BASE, "PF_SERVING_METRICS_COMMON_DIMENSIONS": "[1]"}, "must be a JSON object"),
    ],
)
def test_what_cannot_be_followed_is_refused(variables: dict[str, str], told: str) -> None:
    with pytest.raises(FlowDefinitionError, match=told):
        read_settings(variables)


def test_keys_of_application_insights_win() -> None:
    string = {"APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=a;IngestionEndpoint=https://x"}
    by_string, by_key = read_settings(string), read_settings({**string, "AML_APP_INSIGHTS_KEY": "k"})
    assert by_string is not None
    assert by_key is not None
    assert by_string.insights == string["APPLICATIONINSIGHTS_CONNECTION_STRING"]
    assert by_key.insights == "InstrumentationKey=k"


def test_tracing_may_be_disabled_or_left_to_the_flow() -> None:
    disabled = read_settings({**BASE, "PF_DISABLE_TRACING": "True"})
    assert disabled is not None
    assert (disabled.spans, disabled.measures) == (False, True)
    left = read_settings({**BASE, "PF_BUILTIN_TRACE_EXPORTERS_DISABLE": "true"})
    assert left is not None
    assert (left.spans, left.own_provider) == (True, False)
    traces_only = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t", "PF_DISABLE_TRACING": "true"}
    assert read_settings(traces_only) is None


def test_dimensions_name_the_deployment_and_what_the_author_adds() -> None:
    resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
    settings = read_settings(
        {
            **BASE,
            "AML_DEPLOYMENT_RESOURCE_ID": f"{resource}/onlineEndpoints/shop/deployments/blue",
            "PF_SERVING_METRICS_COMMON_DIMENSIONS": '{"team": 7}',
        }
    )
    assert settings is not None
    assert settings.dimensions == {"endpoint": "shop", "deployment": "blue", "team": "7"}
    override = {"PRT_CONFIG_OVERRIDE": "deployment.endpoint_name=e,deployment.deployment_name=d"}
    settings = read_settings({**BASE, **override})
    assert settings is not None
    assert settings.dimensions == {"endpoint": "e", "deployment": "d"}


def test_signing_in_is_asked_for() -> None:
    on = {**BASE, "OTEL_EXPORTER_OTLP_AAD_AUTH_ENABLE": "true"}
    by_default, given = read_settings(on), read_settings({**on, "OTEL_EXPORTER_OTLP_AAD_AUTH_SCOPE": "mine"})
    without = read_settings({**BASE, "OTEL_EXPORTER_OTLP_AAD_AUTH_SCOPE": "mine"})
    scopes = [each.traces.scope if each and each.traces else None for each in (by_default, given, without)]
    assert scopes == ["https://management.azure.com/.default", "mine", ""]
