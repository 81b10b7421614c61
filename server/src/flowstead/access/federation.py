"""Tokens of another authority, for an assertion of ours: what Entra ID calls workload identity federation.

Form and names: "OAuth 2.0 client credentials flow" (third case: federated credential) of the Microsoft identity
platform, and RFC 7523."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from flowstead.errors import ExchangeFailed
from flowstead.resources.identity import Application

ASSERTION_AUDIENCE = "api://AzureADTokenExchange"
"""Whom Entra ID takes assertions for."""
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TIMEOUT_S = 10.0
_LONGEST_ANSWER = 64 * 1024
_LONGEST_REASON = 500


@dataclass(frozen=True)
class ForeignToken:
    """expires_in: seconds."""

    text: str = field(repr=False)
    expires_in: int


def addresses_of(host: str) -> list[str]:
    """The addresses that a name has now. Raises OSError."""
    return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})


class Authorities:
    """allow_private: authorities may lie on this machine or in a private network. resolve: as `addresses_of`."""

    def __init__(self, *, allow_private: bool, resolve: Callable[[str], list[str]] = addresses_of) -> None:
        self._allow_private = allow_private
        self._resolve = resolve

    def exchange(self, application: Application, assertion: str, resource: str) -> ForeignToken:
        """A token for the resource. Raises ExchangeFailed, which tells the authority's own words, never a token."""
        url = f"{application.authority}/{application.tenant_id}/oauth2/v2.0/token"
        self._check(url)
        form = {
            "grant_type": "client_credentials",
            "client_id": application.client_id,
            "scope": f"{resource.rstrip('/')}/.default",
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        try:
            answer = _post(url, form)
            said = answer.json()
        except (httpx.HTTPError, ValueError) as failure:
            raise ExchangeFailed(f"{application.authority} gave no token: {type(failure).__name__}.") from None
        text, lifetime = said.get("access_token"), said.get("expires_in")
        if not answer.is_success or not isinstance(text, str) or not isinstance(lifetime, int):
            reason = " ".join(str(said.get("error_description") or said.get("error") or "no reason").split())
            raise ExchangeFailed(
                f"{application.authority} gave the application {application.client_id} no token for {resource}: "
                f"{answer.status_code} {reason[:_LONGEST_REASON]}"
            )
        return ForeignToken(text, lifetime)

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


def _post(url: str, form: dict[str, str]) -> httpx.Response:
    """Bounded in time and size; redirects are not followed."""
    with (
        httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False) as client,
        client.stream("POST", url, data=form) as answer,
    ):
        body = b""
        for part in answer.iter_bytes():
            body += part
            if len(body) > _LONGEST_ANSWER:
                raise ValueError("too long an answer")
        return httpx.Response(answer.status_code, content=body)
