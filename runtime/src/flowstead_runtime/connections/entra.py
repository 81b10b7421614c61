"""Signing in with Entra ID: the tokens of connections whose `auth_mode` is `meid_token`.

Who signs in is found in the order of azure-identity's DefaultAzureCredential: a service principal in variables
(AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET), a workload identity, the managed identity behind
IDENTITY_ENDPOINT, MSI_ENDPOINT or the machine's own address (AZURE_CLIENT_ID picks a user-assigned one), then the
developer's own tools. The one behind IDENTITY_ENDPOINT, which every hosted instance has, is asked without
azure-identity: that would bury its words under those of all the others.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.errors import SignInFailed

COGNITIVE_SCOPE = "https://cognitiveservices.azure.com/.default"
"""Of all that connections lead to: Azure OpenAI, Azure AI services, Azure AI Search through them."""

REFRESH_S = 300.0
"""A token is fetched anew this long before it ends, or when half of a shorter life is over."""
AGAIN_S = 30.0
"""When that failed, the old one is used this much longer before the next try."""
_LONGEST_REASON = 4000
"""Characters: an authority's own words with their remedy, or those of each way that azure-identity tries."""
_BEFORE_IT = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE")
"""With one of these a process signs in as somebody else."""
_OTHER_KIND = "IDENTITY_SERVER_THUMBPRINT"
"""With it IDENTITY_ENDPOINT is Service Fabric's, which has another protocol."""
_LONGEST_ANSWER = 256 * 1024
_TIMEOUT_S = 20.0


class TokenProvider(Protocol):
    """Gives bearer tokens."""

    def get_token(self) -> str:
        """May block."""


class AccessToken(NamedTuple):
    """expires_on: seconds since 1970."""

    token: str
    expires_on: float


class StaticTokenProvider:
    """Gives one token for ever."""

    def __init__(self, token: str) -> None:
        self.token = token
        SECRETS.learn((token,))

    def get_token(self) -> str:
        return self.token


class EntraTokens:
    """The tokens of this process's identity, each kept until shortly before it ends. fetch: signs in; now: seconds
    since 1970."""

    def __init__(self, fetch: Callable[[], Any] | None = None, now: Callable[[], float] = time.time) -> None:
        self._fetch = fetch or Identity(COGNITIVE_SCOPE).fetch
        self._now = now
        self._kept = AccessToken("", 0.0)
        self._good_until = 0.0
        self._lock = threading.Lock()
        self._tries = 0
        self._problem = ""

    def kept(self) -> str:
        """The token that is there, "" when it has to be fetched."""
        return self._kept.token if self._now() < self._good_until else ""

    def get_token(self) -> str:
        """Raises SignInFailed. Those who wait while somebody else signs in share the result, good or bad."""
        tries = self._tries  # read first: a try that ends from here on counts as one that was shared
        kept = self.kept()
        if kept:
            return kept
        with self._lock:
            if tries == self._tries:
                self._try()
                self._tries += 1
            token, problem = self._kept, self._problem
        if problem and self._now() >= token.expires_on:
            raise SignInFailed(problem)
        return token.token

    def _try(self) -> None:
        try:
            token = self._fetch()
        except Exception as error:
            self._problem = error.message if isinstance(error, SignInFailed) else _reason(error)
            self._good_until = min(self._now() + AGAIN_S, self._kept.expires_on)
            return
        SECRETS.forget((self._kept.token,))
        SECRETS.learn((token.token,))
        self._kept, self._problem = AccessToken(token.token, token.expires_on), ""
        self._good_until = token.expires_on - min(REFRESH_S, (token.expires_on - self._now()) / 2)


class AsyncTokens:
    """A provider's tokens for one event loop, which is not held up: the requests that need a new token wait for one
    thread that fetches it."""

    def __init__(self, provider: TokenProvider) -> None:
        self._provider = provider
        self._fetching: asyncio.Future[str] | None = None

    async def get_token(self) -> str:
        """Raises SignInFailed."""
        kept = self._provider.kept() if isinstance(self._provider, EntraTokens) else ""
        if kept:
            return kept
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.ensure_future(asyncio.to_thread(self._provider.get_token))
            # Whoever asked may have gone by the time it fails.
            self._fetching.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(self._fetching)


class Identity:
    """azure-identity's credential, made at the first use: importing it takes a tenth of a second. scope: what its
    tokens are for."""

    def __init__(self, scope: str) -> None:
        self._scope = scope
        self._credential: Any = None

    def fetch(self) -> Any:
        """Raises SignInFailed, and whatever azure-identity raises."""
        if _has_identity_endpoint():
            return managed_identity_token(self._scope)
        if self._credential is None:
            try:
                from azure.identity import DefaultAzureCredential
            except ImportError as error:
                raise SignInFailed(
                    f"Signing in with Entra ID needs the package azure-identity ({error}); add it to the flow's "
                    "requirements.txt."
                ) from None
            self._credential = DefaultAzureCredential()
        return self._credential.get_token(self._scope)


def _has_identity_endpoint() -> bool:
    environ = os.environ
    there = environ.get("IDENTITY_ENDPOINT") and environ.get("IDENTITY_HEADER")
    return bool(there) and not any(environ.get(name) for name in (*_BEFORE_IT, _OTHER_KIND))


def managed_identity_token(scope: str) -> AccessToken:
    """From the managed identity behind IDENTITY_ENDPOINT, in App Service's form. Raises SignInFailed in the endpoint's
    own words."""
    query = {"api-version": "2019-08-01", "resource": scope.removesuffix("/.default")}
    if os.environ.get("AZURE_CLIENT_ID"):
        query["client_id"] = os.environ["AZURE_CLIENT_ID"]
    request = urllib.request.Request(  # noqa: S310 an address that the process was given
        f"{os.environ['IDENTITY_ENDPOINT']}?{urlencode(query)}",
        headers={"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            said = json.loads(answer.read(_LONGEST_ANSWER))
        return AccessToken(said["access_token"], float(said["expires_on"]))
    except urllib.error.HTTPError as error:
        with error:
            raise SignInFailed(f"Signing in with the endpoint's identity failed: {_words(error)}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SignInFailed(f"Signing in with the endpoint's identity failed: {type(error).__name__}: {error}") from None


def _words(error: urllib.error.HTTPError) -> str:
    try:
        return SECRETS.hide(str(json.loads(error.read(_LONGEST_ANSWER))["message"]))[:_LONGEST_REASON]
    except (OSError, ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"


def _reason(error: Exception) -> str:
    told = " ".join(SECRETS.hide(str(error)).split())[:_LONGEST_REASON]
    return (
        f"Signing in with Entra ID failed: {type(error).__name__}: {told} (Give the process an identity: a managed "
        "identity with IDENTITY_ENDPOINT and IDENTITY_HEADER; AZURE_TENANT_ID, AZURE_CLIENT_ID and "
        "AZURE_CLIENT_SECRET; or, on your own machine, `az login`.)"
    )


TOKENS = EntraTokens()
"""Those of this process."""
