"""The ASGI application: which route gives which answer."""

from __future__ import annotations

import html
import json
from collections.abc import Awaitable, Mapping
from typing import Any

from flowstead_runtime import errors
from flowstead_runtime.flow.schema import openapi
from flowstead_runtime.serving.cors import allow_origins
from flowstead_runtime.serving.exchange import CallerGone, Exchange, Handler
from flowstead_runtime.serving.failures import answer
from flowstead_runtime.serving.feedback import build_feedback
from flowstead_runtime.serving.page import Page, build_page
from flowstead_runtime.serving.request_ids import read_headers
from flowstead_runtime.serving.score import build_score
from flowstead_runtime.serving.serving import Serving
from flowstead_runtime.serving.types import Application, Headers, Receive, Scope, Send


def build_application(serving: Serving) -> Application:
    """The application around a loaded flow. Documents that never change are encoded once, here."""
    routes = build_routes(serving)
    score = routes["/score"]["POST"]
    hosted = serving.settings.wrap_failures

    def application(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        path, method = scope["path"], scope["method"]
        if path == "/score" and method == "POST":
            return score(Exchange(scope, receive, send))
        return _answer_other(routes, path, method, Exchange(scope, receive, send), hosted=hosted)

    return allow_origins(application, serving.settings.cors, routes) if serving.settings.cors else application


def build_routes(serving: Serving) -> Mapping[str, Mapping[str, Handler]]:
    """Handlers by path and method. HEAD is answered as GET."""
    settings = serving.settings
    healthy = {"status": "Healthy", "version": settings.runtime_version}
    version = {"status": "Healthy", "build_info": settings.build_info, "version": settings.version}
    page = build_page(serving.definition)
    swagger = openapi(serving.definition, included_outputs=settings.included_fields)
    routes: dict[str, Mapping[str, Handler]] = {
        "/score": {"POST": build_score(serving)},
        "/health": {"GET": _json(healthy)},
        "/version": {"GET": _json(version)},
        "/swagger.json": {"GET": _json(swagger)},
        "/feedback": {"POST": build_feedback(serving)},
        "/": {"GET": _page(page)},
    }
    if settings.tells_nodes:
        from flowstead_runtime.serving.trying import build_test  # only here: it brings telemetry along

        routes["/test"] = {"POST": build_test(serving)}
    return routes


def _json(content: Mapping[str, Any]) -> Handler:
    return _fixed(json.dumps(content).encode(), b"application/json")


def _fixed(body: bytes, content_type: bytes) -> Handler:
    async def fixed(exchange: Exchange) -> None:
        await exchange.reply(200, body, [(b"content-type", content_type)])

    return fixed


def _page(page: Page) -> Handler:
    headers: Headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", page.policy),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
    ]

    async def shown(exchange: Exchange) -> None:
        await exchange.reply(200, page.content, headers)

    return shown


async def _answer_other(
    routes: Mapping[str, Mapping[str, Handler]], path: str, method: str, exchange: Exchange, *, hosted: bool
) -> None:
    """hosted: what is refused is answered as everything else behind a gateway, else as promptflow's server does."""
    read_headers(exchange)
    methods = routes.get(path)
    if methods is None:
        return await (_unknown(exchange, path, routes) if hosted else _not_found(exchange, path, method))
    handler = methods.get("GET" if method == "HEAD" else method)
    if handler is None:
        allow = ", ".join(methods)
        message = f"{path} takes {allow}, not {method}."
        body = _error("MethodNotAllowed", message) if hosted else b'{"detail":"Method Not Allowed"}'
        return await exchange.reply(405, body, [(b"content-type", b"application/json"), (b"allow", allow.encode())])
    try:
        await handler(exchange)
    except errors.RuntimeFailure as failure:
        await answer(exchange, failure, wrap=False)
    except CallerGone:
        return None
    return None


async def _unknown(exchange: Exchange, path: str, routes: Mapping[str, Mapping[str, Handler]]) -> None:
    await exchange.reply(404, _error("UnknownRoute", f"There is no path {path}. There is {', '.join(routes)}."))


def _error(code: str, message: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode("ascii")


async def _not_found(exchange: Exchange, path: str, method: str) -> None:
    text = (
        f"The requested api '{html.escape(path.lstrip('/'))}' with {html.escape(method)} is not supported by current "
        "app, if you entered the URL manually please check your spelling and try again."
    )
    body = text.encode("utf-8", "replace")
    await exchange.reply(404, body, [(b"content-type", b"text/html; charset=utf-8")])
