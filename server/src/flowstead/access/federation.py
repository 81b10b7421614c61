"""Tokens of another authority, for an assertion of ours: what Entra ID calls workload identity federation.

Form and names: "OAuth 2.0 client credentials flow" (third case: federated credential) of the Microsoft identity
platform, and RFC 7523."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from flowstead.errors import ExchangeFailed, TooManyExchanges
from flowstead.resources.identity import Application

ASSERTION_AUDIENCE = "api://AzureADTokenExchange"
"""Whom Entra ID takes assertions for."""
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_WITHIN_S = 10.0
"""For all of an exchange; an instance waits somewhat longer for its token."""
_AT_ONCE = 16
_OF_IDENTITY = 4
"""How many exchanges are under way at a time, in all and for one identity: a slow authority is felt by those alone who
need it."""
_LONGEST_ANSWER = 64 * 1024
_LONGEST_REASON = 500
_UNREACHED = "See whether the server can reach it, and try again."
_UNTRUSTED = (
    "If its certificate comes from a CA of your own, start the server with the variable SSL_CERT_FILE, which names a "
    "file of the CAs to trust."
)


@dataclass(frozen=True)
class ForeignToken:
    """expires_in: seconds."""

    text: str = field(repr=False)
    expires_in: int


def addresses_of(host: str) -> list[str]:
    """The addresses that a name has now. Raises OSError."""
    return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})


class Authorities:
    """allow_private: authorities may lie on this machine or in a private network. resolve: as `addresses_of`. within_s:
    how long an exchange may take. Of one event loop."""

    def __init__(
        self, *, allow_private: bool, resolve: Callable[[str], list[str]] = addresses_of, within_s: float = _WITHIN_S
    ) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._within_s = within_s
        self._running: dict[tuple[str, Application, str], asyncio.Task[ForeignToken]] = {}

    async def exchange(self, identity: str, application: Application, assertion: str, resource: str) -> ForeignToken:
        """A token for the resource. identity: whose assertion it is; those who ask for the same at the same time share
        one exchange. Raises ExchangeFailed, which tells the authority's own words, never a token, and
        TooManyExchanges."""
        key = (identity, application, resource)
        running = self._running.get(key)
        if running is None:
            self._demand_room(identity)
            running = asyncio.create_task(self._exchange(application, assertion, resource))
            self._running[key] = running
            running.add_done_callback(lambda _: self._running.pop(key))
        return await asyncio.shield(running)

    def _demand_room(self, identity: str) -> None:
        own = sum(whose == identity for whose, _, _ in self._running)
        if own >= _OF_IDENTITY or len(self._running) >= _AT_ONCE:
            raise TooManyExchanges

    async def _exchange(self, application: Application, assertion: str, resource: str) -> ForeignToken:
        url = f"{application.authority}/{application.tenant_id}/oauth2/v2.0/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": application.client_id,
            "scope": f"{resource.rstrip('/')}/.default",
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        try:
            async with asyncio.timeout(self._within_s):
                # The loop's own threads, not those of the API: a name server that is slow holds up nobody else.
                trusted = await asyncio.to_thread(self._prepare, url)
                answer = await _post(url, form, trusted)
        except TimeoutError:
            raise ExchangeFailed(
                f"{application.authority} gave no token within {self._within_s:g} seconds.", hint=_UNREACHED
            ) from None
        except (httpx.HTTPError, OSError, ValueError) as failure:
            told = _told(failure)
            raise ExchangeFailed(
                f"{application.authority} gave no token: {told}.",
                hint=_UNTRUSTED if "CERTIFICATE_VERIFY_FAILED" in told else _UNREACHED,
            ) from None
        said = _object_in(answer)
        text, lifetime = said.get("access_token"), _seconds(said.get("expires_in"))
        if answer.is_success and text and isinstance(text, str) and lifetime:
            return ForeignToken(text, lifetime)
        raise ExchangeFailed(
            f"{application.authority} gave the application {application.client_id} no token for {resource}: "
            f"{answer.status_code} {_without(assertion, _reason(answer, said))[:_LONGEST_REASON]}"
        )

    def _prepare(self, url: str) -> ssl.SSLContext:
        """Whom to trust, once the address is one that may be called. Raises ExchangeFailed."""
        self._check(url)
        return httpx.create_ssl_context()

    def _check(self, url: str) -> None:
        host = urlsplit(url).hostname or ""
        try:
            found = self._resolve(host)
        except OSError as failure:
            raise ExchangeFailed(f"The authority {host} is not found: {failure.strerror}.") from None
        private = [each for each in found if not ipaddress.ip_address(each.partition("%")[0]).is_global]
        if private and not self._allow_private:
            raise ExchangeFailed(
                f"The authority {host} has the address {private[0]}, which is not a public one.",
                hint="If that is meant, start with `flowstead up --allow-private-addresses`.",
            )


def _object_in(answer: httpx.Response) -> Mapping[str, Any]:
    """{} for what is no JSON object."""
    try:
        said = answer.json()
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, Mapping) else {}


def _seconds(written: object) -> int:
    """Some authorities write the number as a text; 0 for what is none."""
    try:
        return max(0, int(written)) if isinstance(written, str | int) else 0
    except ValueError:
        return 0


def _reason(answer: httpx.Response, said: Mapping[str, Any]) -> str:
    written = said.get("error_description") or said.get("error")
    if written:
        return " ".join(str(written).split())
    if answer.is_redirect:
        return "a redirect, which is not followed: name the authority by its own address"
    kind = answer.headers.get("content-type", "").partition(";")[0] or "nothing"
    return "an answer without a token" if said else f"{kind[:80]} in place of a JSON object"


def _without(assertion: str, told: str) -> str:
    """Who echoes what was sent to it must not hand it to the flow."""
    for part in (assertion, *filter(None, assertion.split("."))):
        told = told.replace(part, "******")
    return told


def _told(failure: BaseException) -> str:
    """Its kind, and the innermost words about it: those around them say less."""
    innermost = failure
    while innermost.__cause__ or innermost.__context__:
        innermost = innermost.__cause__ or innermost.__context__ or innermost
    words = " ".join(str(innermost).split())[:_LONGEST_REASON]
    return f"{type(failure).__name__}{': ' if words else ''}{words}".rstrip(".")


async def _post(url: str, form: dict[str, str], trusted: ssl.SSLContext) -> httpx.Response:
    """Bounded in size; redirects are not followed."""
    async with (
        httpx.AsyncClient(verify=trusted, timeout=None, follow_redirects=False) as client,  # noqa: S113 its caller has one
        client.stream("POST", url, data=form) as answer,
    ):
        body = b""
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > _LONGEST_ANSWER:
                raise ValueError("too long an answer")
        kept = {name: answer.headers[name] for name in ("content-type", "location") if name in answer.headers}
        return httpx.Response(answer.status_code, headers=kept, content=body)
