"""LLM nodes: a template, a connection, and the parameters of one API call."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from flowstead_runtime.errors import FlowLoadError, ProviderFailed
from flowstead_runtime.tools.chat import find_images, parse_chat
from flowstead_runtime.tools.prompt import read_template
from flowstead_runtime.tools.provider import Provider, make_provider
from flowstead_runtime.tools.resolved import Mode, Surroundings, Tool, ToolRequest
from flowstead_runtime.tools.template import Template, guard_arguments, unguard
from flowstead_runtime.tools.text_stream import TextStream

Convert = Callable[[Any], Any]


def resolve_llm(request: ToolRequest, surroundings: Surroundings) -> Tool:
    """Raises FlowLoadError or ConnectionInvalid."""
    name = request.connection or request.literals.get("connection")
    if not isinstance(name, str) or not name:
        raise FlowLoadError(f"node '{request.node}': an llm node needs a connection")
    provider = provider_for(name, surroundings)
    template = read_template(request)
    parameters = CHAT if request.api == "chat" else COMPLETION
    model_name = "deployment_name" if provider.azure else "model"
    taken = sorted(template.variables & {*parameters, model_name, "connection", "prompt"})
    if taken:
        raise FlowLoadError(
            f"node '{request.node}': its template uses the names {taken}, which are parameters of the {request.api} "
            "API; rename them in the template and in the node's inputs"
        )
    call = _LlmCall(request, provider, template, parameters, model_name)
    constants = {key: value for key, value in request.literals.items() if key != "connection"}
    return Tool(call.answer, Mode.COROUTINE, constants=call.checked(constants), stream=call.stream)


def provider_for(connection: str, surroundings: Surroundings) -> Provider:
    """The connection's provider, one for all nodes of a flow. Raises ConnectionInvalid."""
    if connection not in surroundings.clients:
        surroundings.clients[connection] = make_provider(surroundings.connections.get(connection))
    provider: Provider = surroundings.clients[connection]
    return provider


class _LlmCall:
    def __init__(
        self,
        request: ToolRequest,
        provider: Provider,
        template: Template,
        parameters: Mapping[str, Convert],
        model_name: str,
    ) -> None:
        self._node = request.node
        self._chat = request.api == "chat"
        self._from_caller = request.from_flow_inputs
        self._provider = provider
        self._template = template
        self._parameters = parameters
        self._model_name = model_name
        client = provider.client
        self._create: Any = client.chat.completions.create if self._chat else client.completions.create

    def checked(self, constants: Mapping[str, Any]) -> Mapping[str, Any]:
        """The literals with parameters converted once. Raises FlowLoadError naming the one that does not fit."""
        try:
            return {key: self._convert(key, value) for key, value in constants.items()}
        except ProviderFailed as error:
            raise FlowLoadError(f"node '{self._node}': {error.message}") from None

    async def answer(self, **arguments: Any) -> Any:
        """The text; with tools or functions the whole message as a dict."""
        call = self._request(arguments)
        response = await self._provider.call(lambda: self._create(**call))
        if not self._chat:
            return response.choices[0].text
        if call.get("tools") or call.get("functions"):
            return response.model_dump()["choices"][0]["message"]
        return response.choices[0].message.content

    async def stream(self, **arguments: Any) -> Any:
        """The text piece by piece, as it comes. A request with tools or functions is answered whole."""
        if arguments.get("tools") or arguments.get("functions"):
            return await self.answer(**arguments)
        call = self._request(arguments)
        response = await self._provider.call(lambda: self._create(**call, stream=True))
        return TextStream(response, self._provider, chat=self._chat)

    def _request(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        call = dict(_ALWAYS if self._chat else _ALWAYS_COMPLETION)
        for name in self._parameters:
            value = self._convert(name, arguments.get(name))
            if value is not None:
                call[name] = value
        call["model"] = arguments.get(self._model_name)
        if not call["model"]:
            raise ProviderFailed(f"The node '{self._node}' has no {self._model_name}.")
        for choice, of in (("tool_choice", "tools"), ("function_call", "functions")):
            if call.get(of):
                call.setdefault(choice, "auto")
            else:
                call.pop(choice, None)
        text = self._template.render(guard_arguments(arguments, self._from_caller))
        if self._chat:
            call["messages"] = parse_chat(text, find_images(arguments))
        else:
            call["prompt"] = unguard(text)
        return call

    def _convert(self, name: str, value: Any) -> Any:
        convert = self._parameters.get(name)
        if convert is None or value is None or value == "":
            return None if convert is not None else value
        try:
            return convert(value)
        except (ValueError, TypeError, OverflowError):
            raise ProviderFailed(f"The parameter '{name}' cannot be {value!r}.") from None


def _bool(value: Any) -> bool:
    return str(value).lower() == "true"


def _max_tokens(value: Any) -> int | None:
    return None if str(value).lower() == "inf" or not int(value) else int(value)


def _json(value: Any) -> Any:
    """Lists and mappings may be written as JSON text. Empty ones are not sent: the API refuses some of them."""
    value = json.loads(value) if isinstance(value, str) else value
    return value or None


def _choice(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return json.loads(value)
    return value


def _stop(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith("["):
        return json.loads(value) or None
    return value or None


_SHARED: Mapping[str, Convert] = {
    "temperature": float,
    "top_p": float,
    "n": int,
    "stop": _stop,
    "max_tokens": _max_tokens,
    "presence_penalty": float,
    "frequency_penalty": float,
    "logit_bias": _json,
    "user": str,
    "seed": int,
}
CHAT: Mapping[str, Convert] = {
    **_SHARED,
    "max_completion_tokens": _max_tokens,
    "response_format": _json,
    "functions": _json,
    "function_call": _choice,
    "tools": _json,
    "tool_choice": _choice,
}
COMPLETION: Mapping[str, Convert] = {**_SHARED, "suffix": str, "logprobs": int, "echo": _bool, "best_of": int}
_ALWAYS: Mapping[str, Any] = {"temperature": 1.0, "top_p": 1.0, "n": 1}
_ALWAYS_COMPLETION: Mapping[str, Any] = {**_ALWAYS, "max_tokens": 16}
