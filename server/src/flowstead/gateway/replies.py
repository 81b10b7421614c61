"""The answers that the gateway gives by itself: their JSON, status and headers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowstead.gateway.authentication import JWT_AUTHN, PAYLOAD
from flowstead.gateway.paths import API_ROUTE, METADATA, PIN_HEADER, STOPPED
from flowstead.resources.built_in_roles import BUILT_IN, DATA_SCIENTIST
from flowstead.resources.role import SCORE, grant_command

Json = dict[str, Any]

UNREACHABLE = ("UH", "UF", "URX", "NC", "UMSDR")
"""No healthy host, connection failed, retries used up, no such cluster: no instance has seen the request."""
BROKEN_OFF = ("UC", "UR", "LR")
"""The connection broke after the request was sent: a flow may have run, so it is no 503, which many clients repeat."""
RETRY_AFTER_S = 1


def error_format(code: str, message: str) -> Json:
    """A body format; the message may hold Envoy's own commands, whose values are escaped as JSON wants it."""
    return {"json_format": {"error": {"code": code, "message": message}}}


def header(name: str, value: str, action: str = "OVERWRITE_IF_EXISTS_OR_ADD") -> Json:
    """A header to add. An empty value adds nothing."""
    return {"header": {"key": name, "value": value}, "append_action": action}


_NO_PAGE = "sandbox; default-src 'none'; frame-ancestors 'none'"
SAFE_HEADERS = (
    header("x-content-type-options", "nosniff"),
    header("content-security-policy", _NO_PAGE),
    header("referrer-policy", "no-referrer"),
)
"""So that a browser takes no answer for a page of the portal, whose origin it has: what is HTML in it runs nothing,
loads nothing, and belongs to no origin."""


def local_reply_config(max_request_bytes: int) -> Json:
    """How Envoy's own replies read, the first that fits. An upstream's answer and direct responses (404) pass
    untouched: nothing here fits them."""
    # Envoy picks no host for these, so the route says which deployment it was.
    named = header(PIN_HEADER, f"%METADATA(ROUTE:{METADATA}:deployment)%")
    bearer = (header("www-authenticate", "Bearer"),)
    retry = (header("retry-after", str(RETRY_AFTER_S)), named)
    return {
        "mappers": [
            _mapper(_all(_status("EQ", 403), _holds(_MEANT_FOR_IT)), 401, "Unauthorized", _MAY_NOT, bearer),
            _mapper(_any(*(_status("EQ", each) for each in _REFUSED)), 401, "Unauthorized", _NO_CREDENTIAL, bearer),
            _mapper(_flags(("UO",)), 429, "TooManyRequests", _OVERLOAD, retry),
            # Envoy sets the flag of its rate limit only after the reply.
            _mapper(_status("EQ", 429), 429, "TooManyRequests", _TOO_FAST, retry),
            _mapper(_flags(("UT", "SI", "DT")), 408, "RequestTimeout", _TOO_SLOW),
            _mapper(_status("EQ", 408), 408, "RequestTimeout", "The request did not arrive in time."),
            _mapper(_status("EQ", 413), 413, "PayloadTooLarge", _too_large(max_request_bytes)),
            _mapper(_all(_flags((*UNREACHABLE, *BROKEN_OFF)), _api()), 503, "ServiceUnavailable", _NO_SERVER, retry),
            _mapper(_all(_status("EQ", 503), _leads_to_stopped()), 503, "DeploymentStopped", _STOPPED_SAID, (named,)),
            _mapper(_flags(UNREACHABLE), 503, "ServiceUnavailable", _NO_INSTANCE, retry),
            _mapper(_flags(BROKEN_OFF), 500, "InternalServerError", _LOST_INSTANCE),
            _mapper(_status("EQ", 421), 421, "UnknownHost", _UNKNOWN_HOST),
            _mapper(_status("EQ", 431), 431, "RequestHeaderFieldsTooLarge", "The request's headers are too large."),
            _mapper(_status("GE", 500), 500, "InternalServerError", "The gateway failed: %LOCAL_REPLY_BODY%"),
            _mapper(_all(_status("GE", 400), _not_404()), None, "BadRequest", "%LOCAL_REPLY_BODY%"),
        ]
    }


_MEANT_FOR_IT = (
    f"metadata.filter_metadata['{JWT_AUTHN}']['{PAYLOAD}']['aud'] "
    f"== xds.route_metadata.filter_metadata['{METADATA}']['audience']"
)
"""The token is valid and for an endpoint like this: only the permission was lacking. Azure answers that with 401 too
(how-to-troubleshoot-online-endpoints); the words tell it from a wrong token."""
_CALLER = f"%DYNAMIC_METADATA({JWT_AUTHN}:{PAYLOAD}:sub)%"
_SCOPE = f"%METADATA(ROUTE:{METADATA}:scope)%"
_MAY_NOT = (
    f"The principal with the object id {_CALLER} may not perform {SCORE} on {_SCOPE}, or has signed out since this "
    "token was given. Ask an owner to grant a role that allows it, for example: "
    f"{grant_command(BUILT_IN[DATA_SCIENTIST].role_name, _SCOPE, _CALLER)}"
)
_REFUSED = (401, 403)
"""Of the filters for keys and tokens, and of the one for whom a token is."""
_NO_CREDENTIAL = (
    "No valid credential came with the request. Send `Authorization: Bearer CREDENTIAL` with a key of the endpoint or, "
    "by its authentication mode, a token that has not expired: `flowstead online-endpoint get-credentials` prints it."
)
_OVERLOAD = "The deployment has as many requests as it may hold. Send the request again later."
_TOO_FAST = (
    "The endpoint or its deployment gets more requests a second than its limit `requestsPerSecond` allows. Send the "
    "request again later."
)
_TOO_SLOW = "The answer did not come within the request time-out."
_NO_INSTANCE = "No instance of the deployment is ready. Send the request again shortly."
_LOST_INSTANCE = "The instance ended before it answered. The flow may have run."
_STOPPED_SAID = (
    f"The deployment %METADATA(ROUTE:{METADATA}:deployment)% of the endpoint %METADATA(ROUTE:{METADATA}:endpoint)% is "
    f"stopped. Start it: flowstead online-deployment start --name %METADATA(ROUTE:{METADATA}:deployment)% "
    f"--endpoint-name %METADATA(ROUTE:{METADATA}:endpoint)%"
)
_UNKNOWN_HOST = (
    "The request names a host that this server does not go by. Use the public URL; `flowstead status` prints it, "
    "`flowstead up --public-url` sets it."
)
_NO_SERVER = "The server does not answer; endpoints go on working. Look at `flowstead status`."


def _too_large(limit: int) -> str:
    in_mib = f" ({limit >> 20} MiB)" if limit % (1 << 20) == 0 else ""
    return f"The request body is over the limit of {limit} bytes{in_mib}."


def _mapper(condition: Json, status: int | None, code: str, message: str, headers: Sequence[Json] = ()) -> Json:
    mapper: Json = {
        "filter": condition,
        "body_format_override": error_format(code, message),
        # Envoy adds a route's headers to some replies only; here they are the same for all.
        "headers_to_add": [*headers, *SAFE_HEADERS],
    }
    return mapper if status is None else mapper | {"status_code": status}


def _flags(flags: Sequence[str]) -> Json:
    return {"response_flag_filter": {"flags": list(flags)}}


def _status(operator: str, value: int) -> Json:
    compared = {"default_value": value, "runtime_key": "flowstead.unused"}
    return {"status_code_filter": {"comparison": {"op": operator, "value": compared}}}


def _all(*conditions: Json) -> Json:
    return {"and_filter": {"filters": list(conditions)}}


def _any(*conditions: Json) -> Json:
    return {"or_filter": {"filters": list(conditions)}}


def _leads_to_stopped() -> Json:
    return _holds(f"xds.route_name.endsWith('{STOPPED}')")


def _api() -> Json:
    """The request was for the API."""
    return _holds(f"xds.route_name == '{API_ROUTE}'")


def _holds(expression: str) -> Json:
    """The CEL expression is true; it is not when something that it names is not there."""
    kind = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    typed = {"@type": kind, "expression": expression}
    return {"extension_filter": {"name": "envoy.access_loggers.extension_filters.cel", "typed_config": typed}}


def _not_404() -> Json:
    return _any(_status("LE", 403), _status("GE", 405))
