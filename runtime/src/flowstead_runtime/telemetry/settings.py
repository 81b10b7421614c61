"""What the environment says about telemetry. The variables are promptflow's and OpenTelemetry's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from flowstead_runtime.errors import FlowDefinitionError

_PREFIX = "OTEL_EXPORTER_OTLP"
_METRICS_EVERY_S = 60.0
_AAD_SCOPE = "https://management.azure.com/.default"
_INSIGHTS_KEYS = ("AML_APP_INSIGHTS_KEY", "APPINSIGHTS_INSTRUMENTATIONKEY")
_DEPLOYMENT = re.compile(r"/onlineEndpoints/([^/]+)/deployments/([^/]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Collector:
    """One OTLP address, with the headers to send. scope: for which the process signs in with Entra ID, "" for not at
    all."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    scope: str = ""


@dataclass(frozen=True)
class TelemetrySettings:
    """traces, metrics: where they go, None for nowhere. insights: the connection string of Application Insights, "" for
    none. spans: whether there are any; own_provider: they are made and exported by the runtime, else by the provider
    that the flow's own code sets up. dimensions: added to every metric."""

    traces: Collector | None
    metrics: Collector | None
    insights: str = field(default="", repr=False)
    spans: bool = True
    own_provider: bool = True
    dimensions: Mapping[str, str] = field(default_factory=dict)
    metrics_every_s: float = _METRICS_EVERY_S

    @property
    def measures(self) -> bool:
        """Whether metrics go anywhere."""
        return self.metrics is not None or bool(self.insights)


def read_settings(environ: Mapping[str, str]) -> TelemetrySettings | None:
    """None when no exporter is configured, or nothing would be exported. Raises FlowDefinitionError for a value that
    cannot be followed."""
    insights = _insights(environ)
    traces, metrics = _collector(environ, "TRACES"), _collector(environ, "METRICS")
    if not (insights or traces or metrics):
        return None
    disabled = _is_true(environ, "PF_DISABLE_TRACING")
    own_provider = not _is_true(environ, "PF_BUILTIN_TRACE_EXPORTERS_DISABLE")
    settings = TelemetrySettings(
        traces=traces,
        metrics=metrics,
        insights=insights,
        spans=not disabled and (traces is not None or bool(insights) or not own_provider),
        own_provider=own_provider,
        dimensions=_dimensions(environ),
        metrics_every_s=_interval_s(environ),
    )
    return settings if settings.spans or settings.measures else None


def _collector(environ: Mapping[str, str], signal: str) -> Collector | None:
    """A bare address gets the standard path of the signal; one with a path is used as it is, as promptflow does."""
    own = f"{_PREFIX}_{signal}_ENDPOINT"
    name = own if environ.get(own, "").strip() else f"{_PREFIX}_ENDPOINT"
    url = environ.get(name, "").strip()
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FlowDefinitionError(f"the environment variable {name} must be an address with http:// or https://")
    protocol = environ.get(f"{_PREFIX}_{signal}_PROTOCOL") or environ.get(f"{_PREFIX}_PROTOCOL") or "http/protobuf"
    if protocol != "http/protobuf":
        raise FlowDefinitionError(
            f"the environment variable {_PREFIX}_PROTOCOL asks for '{protocol}', but telemetry is sent by "
            "http/protobuf only; name the collector's HTTP port (often 4318) and that protocol"
        )
    if parts.path in ("", "/") and not parts.query:
        url = f"{url.rstrip('/')}/v1/{signal.lower()}"
    headers = {**_headers(environ.get(f"{_PREFIX}_HEADERS", "")), **_headers(environ.get(f"{own[:-9]}_HEADERS", ""))}
    scope = environ.get(f"{_PREFIX}_AAD_AUTH_SCOPE", "").strip() or _AAD_SCOPE
    return Collector(url, headers, scope if _is_true(environ, f"{_PREFIX}_AAD_AUTH_ENABLE") else "")


def _headers(text: str) -> dict[str, str]:
    pairs = (each.partition("=") for each in text.split(",") if "=" in each)
    return {unquote(name).strip(): unquote(value).strip() for name, _, value in pairs}


def _insights(environ: Mapping[str, str]) -> str:
    key = next((environ[name].strip() for name in _INSIGHTS_KEYS if environ.get(name, "").strip()), "")
    return f"InstrumentationKey={key}" if key else environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING", "").strip()


def _dimensions(environ: Mapping[str, str]) -> dict[str, str]:
    """The endpoint and the deployment where the environment names them, and what the author adds."""
    found: dict[str, str] = {}
    match = _DEPLOYMENT.search(environ.get("AML_DEPLOYMENT_RESOURCE_ID", ""))
    if match:
        found = {"endpoint": match[1], "deployment": match[2]}
    override = environ.get("PROMPTFLOW_CONFIG_OVERRIDE") or environ.get("PRT_CONFIG_OVERRIDE") or ""
    named = dict(each.split("=", 1) for each in override.split(",") if "=" in each)
    for dimension in ("endpoint", "deployment"):
        value = named.get(f"deployment.{dimension}_name", "").strip()
        if value:
            found[dimension] = value
    name = "PF_SERVING_METRICS_COMMON_DIMENSIONS"
    text = environ.get(name, "").strip()
    if not text:
        return found
    try:
        added = json.loads(text)
    except ValueError:
        added = None
    if not isinstance(added, dict):
        raise FlowDefinitionError(f'the environment variable {name} must be a JSON object such as {{"team": "search"}}')
    return {**found, **{str(key): str(value) for key, value in added.items()}}


def _interval_s(environ: Mapping[str, str]) -> float:
    """OTEL_METRIC_EXPORT_INTERVAL is in milliseconds."""
    text = environ.get("OTEL_METRIC_EXPORT_INTERVAL", "").strip()
    return int(text) / 1000 if text.isdigit() and int(text) else _METRICS_EVERY_S


def _is_true(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").strip().lower() == "true"
