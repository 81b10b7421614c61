"""The door itself: its listeners, their filter chain and its access log. Pure."""

from __future__ import annotations

from typing import Any

from flowstead.gateway.authentication import authentication_filters
from flowstead.gateway.description import Door
from flowstead.gateway.paths import CLIENT_HEADER, CLIENT_REQUEST_ID, REQUEST_ID
from flowstead.gateway.rate import rate_limit_filter
from flowstead.gateway.replies import header, local_reply_config

Json = dict[str, Any]

ROUTES = "door"
CERTIFICATE = "door"
BODY_SIZE_LIMIT = "envoy.filters.http.body_size_limit"
_TYPES = "type.googleapis.com/envoy"
_GUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_CLIENT_ID = "[A-Za-z0-9_-]+"
_CLIENT_ID_LENGTH = 40
_ASIDE = "x-flowstead-aside"
_FORGEABLE = ("x-envoy-", "x-flowstead-", "x-forwarded-", "forwarded")
"""Beginnings of headers by which a proxy speaks: from a caller they would be a lie, or an order to Envoy (retries,
time-outs)."""
_HEADERS_WITHIN = "30s"
_REQUEST_WITHIN = "900s"
"""Bound of sending a whole request: a blob of 64 MiB over a slow line."""
_IDLE_CONNECTION = "300s"
_CONNECTION_BUFFER = 1024 * 1024
_STREAMS = 100
"""Requests at a time over one HTTP/2 connection; what browsers and RFC 9113 expect at least."""


def listeners(door: Door, routes_file: str, issuer_file: str) -> list[Json]:
    """HTTP and, when the door has it, HTTPS: the same filters, the same routes.

    routes_file, issuer_file: where Envoy finds the routes and whose tokens count, absolute paths."""
    manager = {"@type": f"{_TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"}
    network_filter = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": manager | _manager(door, routes_file, issuer_file),
    }
    chain = {"filters": [network_filter]}
    plain = _listener("door", door.host, door.port, chain)
    if door.tls is None:
        return [plain]
    secured = chain | {"transport_socket": _transport_socket(door.tls.certificate_file)}
    return [plain, _listener("door-tls", door.tls.host, door.tls.port, secured)]


def _listener(name: str, host: str, port: int, chain: Json) -> Json:
    return {
        "@type": f"{_TYPES}.config.listener.v3.Listener",
        "name": name,
        "address": {"socket_address": {"address": host, "port_value": port}},
        "per_connection_buffer_limit_bytes": _CONNECTION_BUFFER,
        # With SO_REUSEPORT a second program of this user could silently take half of the connections.
        "enable_reuse_port": False,
        "connection_balance_config": {"exact_balance": {}},
        "filter_chains": [chain],
    }


def _transport_socket(certificate_file: str) -> Json:
    """The certificate comes by a file of its own, so that a new one disturbs no connection."""
    certificate = {"name": CERTIFICATE, "sds_config": file_source(certificate_file)}
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_certificate_sds_secret_configs": [certificate],
            },
        },
    }


def _manager(door: Door, routes_file: str, issuer_file: str) -> Json:
    return {
        "stat_prefix": "door",
        "rds": {"route_config_name": ROUTES, "config_source": file_source(routes_file)},
        "early_header_mutation_extensions": [_early_header_mutation()],
        "http_filters": _filters(door, issuer_file),
        "local_reply_config": local_reply_config(door.max_request_bytes),
        "generate_request_id": True,
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
        "request_id_extension": {
            "typed_config": {
                "@type": f"{_TYPES}.extensions.request_id.uuid.v3.UuidRequestIdConfig",
                "pack_trace_reason": False,  # else a caller's own id would be changed
            }
        },
        "use_remote_address": True,
        "normalize_path": True,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "server_name": "flowstead",
        "request_headers_timeout": _HEADERS_WITHIN,
        "request_timeout": _REQUEST_WITHIN,
        "common_http_protocol_options": {"idle_timeout": _IDLE_CONNECTION},
        # Of HTTP/1.0 are ApacheBench and proxies that were never told otherwise; they may name no host.
        "http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "localhost"},
        "http2_protocol_options": {
            "max_concurrent_streams": _STREAMS,
            "initial_stream_window_size": _CONNECTION_BUFFER,
            "initial_connection_window_size": _CONNECTION_BUFFER,
        },
        "access_log": [_access_log(door.access_log)],
    }


def file_source(path: str) -> Json:
    """A configuration source that is a file, replaced by atomic rename."""
    return {"path_config_source": {"path": path}, "resource_api_version": "V3"}


def _filters(door: Door, issuer_file: str) -> list[Json]:
    """In the order in which requests meet them.

    All are on for every route, and lifted by the API's route only. No filter may change the route afterwards.
    """
    return [
        *authentication_filters(issuer_file),
        # Whoever is not let in takes nothing from what the others have.
        rate_limit_filter(),
        {
            "name": BODY_SIZE_LIMIT,
            "typed_config": {
                "@type": f"{_TYPES}.extensions.filters.http.body_size_limit.v3.BodySizeLimit",
                "max_request_bytes": door.max_request_bytes,
            },
        },
        {
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": f"{_TYPES}.extensions.filters.http.router.v3.Router"},
        },
    ]


def _early_header_mutation() -> Json:
    """What happens to a request's headers before the route is chosen, so that nothing routes it again.

    As in Azure a request id that is no GUID is replaced, and a client's own id has 40 letters, digits, dashes and
    underscores at most.
    """
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": [
                *({"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in _FORGEABLE),
                *_only_when(REQUEST_ID, _GUID),
                *_only_when(CLIENT_REQUEST_ID, _CLIENT_ID, f":{_CLIENT_ID_LENGTH}"),
            ],
        },
    }


def _only_when(name: str, pattern: str, cut: str = "") -> list[Json]:
    """The header stays when it matches, cut to a length: a good one is put aside, and back."""
    given = f"request.headers['{name}']"
    return [
        {"append": header(_ASIDE, f"%CEL({given}.matches('^{pattern}$') ? {given} : '')%")},
        {"remove": name},
        {"append": header(name, f"%REQ({_ASIDE}){cut}%")},
        {"remove": _ASIDE},
    ]


def _access_log(path: str) -> Json:
    """One JSON object a line. No query string (it may hold a signature) and no credential goes in."""
    fields = {
        "time": "%START_TIME%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "client_request_id": "%REQ(X-MS-CLIENT-REQUEST-ID)%",
        "method": "%REQ(:METHOD)%",
        "scheme": "%REQ(X-FORWARDED-PROTO)%",
        "path": "%PATH(NQ:ORIG_OR_PATH)%",
        "protocol": "%PROTOCOL%",
        "status": "%RESPONSE_CODE%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "model_status": "%RESP(MS-AZUREML-MODEL-ERROR-STATUSCODE)%",
        "endpoint": "%METADATA(ROUTE:flowstead:endpoint)%",
        "deployment": "%METADATA(ROUTE:flowstead:deployment)%",
        "key": f"%REQ({CLIENT_HEADER.upper()})%",
        "instance": "%UPSTREAM_HOST%",
        "duration_ms": "%DURATION%",
        "request_ms": "%REQUEST_DURATION%",
        "first_byte_ms": "%RESPONSE_DURATION%",
        "request_bytes": "%BYTES_RECEIVED%",
        "response_bytes": "%BYTES_SENT%",
        "user_agent": "%REQ(USER-AGENT):70%",
        "caller": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    }
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {"json_format": fields},
        },
    }
