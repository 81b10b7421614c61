"""A prompty that is served as a flow of its own."""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

from flowstead_runtime.connections.sources import ConnectionSource
from flowstead_runtime.errors import ConnectionInvalid, NodeFailed, RuntimeFailure
from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.flow.failures import entry_failure
from flowstead_runtime.flow.running import RunContext, RunResult
from flowstead_runtime.tools.prompty import TRIES, PromptyFile, connection_of, load_prompty, unexpected
from flowstead_runtime.tools.provider import Provider, make_provider
from flowstead_runtime.tools.text_stream import TextStream

log = logging.getLogger("flowstead.flow")


class PromptyFlow:
    """A loaded prompty."""

    def __init__(
        self, definition: FlowDefinition, prompty: PromptyFile, provider: Provider | ConnectionInvalid
    ) -> None:
        self._definition = definition
        self._prompty = prompty
        self._provider = provider

    @property
    def definition(self) -> FlowDefinition:
        return self._definition

    async def run(self, inputs: Mapping[str, Any], context: RunContext) -> RunResult:
        """Raises NodeFailed for whatever goes wrong with the prompt or the provider."""
        try:
            value = await self._answer(inputs)
        except RuntimeFailure as failure:
            raise entry_failure(self._prompty.name, failure) from failure
        return RunResult(value, isinstance(value, dict))

    async def close(self) -> None:
        if isinstance(self._provider, Provider):
            await self._provider.client.close()

    async def _answer(self, inputs: Mapping[str, Any]) -> Any:
        provider, prompty = self._provider, self._prompty
        if not isinstance(provider, Provider):
            raise NodeFailed(provider.message)
        request = prompty.request(inputs)
        try:
            response = await provider.call(lambda: request.send(provider.client, None), tries=TRIES)
        except (TypeError, ValueError) as error:
            raise unexpected(error) from None
        if not prompty.streams or prompty.model.all_choices:
            return prompty.answer(response)
        stream = TextStream(response, provider, chat=prompty.model.api != "completion", skip_empty=True)
        return prompty.value("".join([text async for text in stream])) if prompty.wants_object else stream


def open_prompty(
    definition: FlowDefinition, source: ConnectionSource, environ: MutableMapping[str, str]
) -> PromptyFlow:
    """A connection that is missing is told now and to each caller, but the prompty is served, as promptflow's server
    does. Raises FlowDefinitionError or FlowLoadError."""
    prompty = load_prompty(definition.file, environ, confined=definition.confined)
    provider: Provider | ConnectionInvalid
    try:
        provider = make_provider(connection_of(prompty.model, source, environ))
    except ConnectionInvalid as error:
        log.warning("prompty '%s' cannot answer: %s", prompty.name, error.message)
        provider = error
    return PromptyFlow(definition, prompty, provider)
