"""Calls to OpenAI and Azure OpenAI: clients, our own retry rules, errors in words."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from flowstead_runtime.connections.entra import AsyncTokens
from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.connections.types import (
    ENTRA,
    KEY,
    AzureOpenAIConnection,
    Connection,
    OpenAIConnection,
    ServerlessConnection,
)
from flowstead_runtime.errors import ConnectionInvalid, ProviderFailed

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

MAX_TRIES = 100
MAX_UNPROCESSABLE_IN_A_ROW = 3
"""A 422 rarely gets better by repeating it."""
NO_KEY = "no-key-given"
"""Sent where no key is known, since the SDK makes no client without one; a provider that wants one names it."""
_LONGEST_WAIT_S = 60.0
_RETRIED_CONNECTION_ERRORS = ("connection aborted", "server disconnected without sending a response")
_REFERENCE = "[Error reference: https://platform.openai.com/docs/guides/error-codes/api-errors]"
_ROLE_IS_LACKING = (
    "(The connection signs in with Entra ID: the identity needs the role 'Cognitive Services OpenAI User', or another "
    "one that allows the call, on the Azure OpenAI resource.)"
)


@dataclass(frozen=True)
class Provider:
    """An LLM service behind one connection. client: the SDK's, its own retries off; azure: the model goes by
    deployment. signs_in: with an identity, not with a key."""

    client: AsyncOpenAI
    azure: bool
    sleep: Sleep = asyncio.sleep
    signs_in: bool = False

    async def call(self, send: Callable[[], Awaitable[T]], *, tries: int = MAX_TRIES) -> T:
        """`send()`, repeated while that may help. Raises ProviderFailed."""
        return await call_with_retries(send, sleep=self.sleep, tries=tries, signs_in=self.signs_in)

    def failure(self, error: Exception) -> ProviderFailed:
        """An error of the SDK, in words that hold no secret."""
        return ProviderFailed(_message(error, self.signs_in))


@dataclass(frozen=True)
class BlockingProvider:
    """As `Provider`, for code that is not asynchronous."""

    client: OpenAI
    azure: bool
    sleep: Callable[[float], None] = time.sleep
    signs_in: bool = False

    def call(self, send: Callable[[], T], *, tries: int = MAX_TRIES) -> T:
        """`send()`, repeated while that may help. Raises ProviderFailed."""
        import openai

        retries = _Retries(tries, self.signs_in)
        while True:
            try:
                return send()
            except openai.OpenAIError as error:
                wait_s = retries.wait_after(error)
            self.sleep(wait_s)

    def failure(self, error: Exception) -> ProviderFailed:
        """An error of the SDK, in words that hold no secret."""
        return ProviderFailed(_message(error, self.signs_in))


def make_provider(connection: Connection, *, sleep: Sleep = asyncio.sleep) -> Provider:
    """Raises ConnectionInvalid when the connection is not one for an LLM, or lacks what the SDK needs."""
    client = _client_of(connection, blocking=False)
    return Provider(client, isinstance(connection, AzureOpenAIConnection), sleep, _signs_in(connection))


def make_blocking_provider(connection: Connection) -> BlockingProvider:
    """Raises as `make_provider`."""
    client = _client_of(connection, blocking=True)
    azure = isinstance(connection, AzureOpenAIConnection)
    return BlockingProvider(client, azure, signs_in=_signs_in(connection))


def _signs_in(connection: Connection) -> bool:
    return isinstance(connection, AzureOpenAIConnection) and not connection.api_key


def _client_of(connection: Connection, *, blocking: bool) -> Any:
    """The SDK's client."""
    if not isinstance(connection, AzureOpenAIConnection | OpenAIConnection | ServerlessConnection):
        raise ConnectionInvalid(
            f"Connection '{connection.name}' of type {connection.class_name} cannot be used for an LLM; use an "
            "AzureOpenAIConnection, an OpenAIConnection or a ServerlessConnection."
        )
    mode = connection.get("auth_mode") or KEY
    if mode not in (KEY, ENTRA):
        raise ConnectionInvalid(f"Connection '{connection.name}': its auth_mode is {KEY} or {ENTRA}, not '{mode}'.")
    try:
        if isinstance(connection, AzureOpenAIConnection):
            return _make_azure_client(connection, blocking=blocking)
        return _make_client(connection, blocking=blocking)
    except Exception as error:
        raise ConnectionInvalid(f"Connection '{connection.name}': {SECRETS.hide(str(error))}") from None


def _make_azure_client(connection: AzureOpenAIConnection, *, blocking: bool) -> Any:
    # Importing the SDK takes most of a second: only flows that use it pay.
    import openai

    # No key means to sign in, as promptflow has it. Whether that works shows at the first request: the node may be one
    # that `activate` leaves out.
    tokens: Any = connection.token_provider if blocking else AsyncTokens(connection.token_provider)
    credential = (
        {"api_key": connection.api_key} if connection.api_key else {"azure_ad_token_provider": tokens.get_token}
    )
    azure: Any = openai.AzureOpenAI if blocking else openai.AsyncAzureOpenAI
    return azure(
        azure_endpoint=connection.get("api_base") or None,
        api_version=connection.get("api_version") or None,
        max_retries=0,
        **credential,
    )


def _make_client(connection: Connection, *, blocking: bool) -> Any:
    import openai

    # An empty key stands for the one in the environment. Where there is none either the flow starts all the same: the
    # server may be one that asks for no key.
    key = connection.get("api_key") or os.environ.get("OPENAI_API_KEY") or NO_KEY
    if key != NO_KEY:
        SECRETS.learn((key,))
    plain: Any = openai.OpenAI if blocking else openai.AsyncOpenAI
    return plain(
        api_key=key,
        base_url=_base_url(connection),
        organization=connection.get("organization") or None,
        max_retries=0,
    )


async def call_with_retries(
    send: Callable[[], Awaitable[T]], *, sleep: Sleep, tries: int = MAX_TRIES, signs_in: bool = False
) -> T:
    """Repeats on 429, 422, 5xx, time-outs and cut connections; waits as the service says (`retry-after`), else
    3 s + 2^n - 1, at most 60 s. Raises ProviderFailed."""
    import openai

    retries = _Retries(tries, signs_in)
    while True:
        try:
            return await send()
        except openai.OpenAIError as error:
            wait_s = retries.wait_after(error)
        await sleep(wait_s)


class _Retries:
    """What to do after each failure of one call."""

    def __init__(self, tries: int, signs_in: bool = False) -> None:
        self._tries = tries
        self._signs_in = signs_in
        self._attempt = 0
        self._unprocessable = 0

    def wait_after(self, error: Exception) -> float:
        """Seconds until the next try. Raises ProviderFailed when there is to be none."""
        if not _is_worth_repeating(error):
            raise ProviderFailed(_message(error, self._signs_in)) from None
        self._unprocessable = self._unprocessable + 1 if getattr(error, "status_code", None) == 422 else 0
        if self._attempt == self._tries or self._unprocessable == MAX_UNPROCESSABLE_IN_A_ROW:
            message = f"Exceed max retry times. {_message(error, self._signs_in)}"
            raise ProviderFailed(message, "ExceedMaxRetryTimes") from None
        self._attempt += 1
        return _wait_s(error, self._attempt - 1)


def _base_url(connection: Connection) -> str | None:
    if isinstance(connection, ServerlessConnection):
        return str(connection.get("api_base", "")).rstrip("/").removesuffix("/v1") + "/v1"
    return connection.get("base_url") or None


def _is_worth_repeating(error: Exception) -> bool:
    import openai

    if isinstance(error, openai.APITimeoutError):
        return True
    if isinstance(error, openai.APIConnectionError):
        words = f"{error} {error.__cause__}".lower()
        return any(known in words for known in _RETRIED_CONNECTION_ERRORS)
    if isinstance(error, openai.RateLimitError) and "insufficient_quota" in (error.type, error.code):
        return False
    status = getattr(error, "status_code", 0)
    return status in (422, 429) or status >= 500


def _wait_s(error: Exception, attempt: int) -> float:
    response = getattr(error, "response", None)
    header = response.headers.get("retry-after") if response is not None else None
    try:
        return max(0.0, float(header)) if header else min(3.0 + 2.0**attempt - 1.0, _LONGEST_WAIT_S)
    except ValueError:
        return min(3.0 + 2.0**attempt - 1.0, _LONGEST_WAIT_S)


def _message(error: Exception, signs_in: bool = False) -> str:
    body: Any = getattr(error, "body", None)
    status = getattr(error, "status_code", None)
    told = body.get("message") if isinstance(body, dict) else None
    detail = f"Error code: {status} - {told}" if status and told else f"{error} {error.__cause__ or ''}".strip()
    lacking = f" {_ROLE_IS_LACKING}" if signs_in and status in (401, 403) else ""
    return f"OpenAI API hits {type(error).__name__}: {SECRETS.hide(detail)} {_REFERENCE}{lacking}"
