"""LLM nodes: a template, a connection, and the parameters of one API call."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowstead_runtime.errors import FlowLoadError, ProviderFailed, TemplateFailed
from flowstead_runtime.tools.chat import find_images, parse_chat
from flowstead_runtime.tools.function_checks import check_functions
from flowstead_runtime.tools.imports import import_named
from flowstead_runtime.tools.prompt import read_template
from flowstead_runtime.tools.provider import Provider, make_provider
from flowstead_runtime.tools.resolved import Mode, Surroundings, Tool, ToolRequest
from flowstead_runtime.tools.template import Template, guard_arguments, unguard, with_lines
from flowstead_runtime.tools.text_stream import TextStream
from flowstead_runtime.tools.values import PromptText

Convert = Callable[[Any], Any]


@dataclass(frozen=True)
class Api:
    """One of the provider's calls. chat: it takes messages, else a prompt; parameters: those it knows, with what makes
    them fit; always: sent unless given otherwise; images: the template may place images, and a list among its variables
    shows as one item a line, so that each image in it stands alone."""

    name: str
    chat: bool
    parameters: Mapping[str, Convert]
    always: Mapping[str, Any]
    images: bool = False


def resolve_llm(request: ToolRequest, surroundings: Surroundings) -> Tool:
    """Raises FlowLoadError or ConnectionInvalid."""
    if request.module:
        # Only to see that it is there: which API is called is for the connection's type to say.
        import_named(request.module, who=f"node '{request.node}'", directory=request.directory)
    return resolve_api(CHAT if request.api == "chat" else COMPLETION, request, surroundings)


def resolve_api(api: Api, request: ToolRequest, surroundings: Surroundings) -> Tool:
    """A node that renders its template and calls the API. Raises FlowLoadError or ConnectionInvalid."""
    name = request.connection or request.literals.get("connection")
    if not isinstance(name, str) or not name:
        raise FlowLoadError(f"node '{request.node}': an llm node needs a connection")
    provider = provider_for(name, surroundings)
    template = read_template(request, images=api.images)
    model_name = model_parameter(azure=provider.azure)
    taken = sorted(template.variables & {*api.parameters, model_name, "connection", "prompt"})
    if taken:
        raise FlowLoadError(
            f"node '{request.node}': its template uses the names {taken}, which are parameters of the {api.name} "
            "API; rename them in the template and in the node's inputs"
        )
    call = _LlmCall(request, provider, template, api)
    constants = {key: value for key, value in request.literals.items() if key not in ("connection", "api")}
    return Tool(
        call.answer,
        Mode.COROUTINE,
        constants=call.checked(constants),
        stream=call.stream,
        function=f"{'AzureOpenAI' if provider.azure else 'OpenAI'}.{'completion' if not api.chat else 'chat'}",
        variables=template.variables,
    )


def model_parameter(*, azure: bool) -> str:
    """The name of the argument that says which model."""
    return "deployment_name" if azure else "model"


def build_call(
    api: Api,
    template: Template,
    arguments: Mapping[str, Any],
    *,
    azure: bool,
    from_caller: frozenset[str] = frozenset(),
    who: str,
) -> dict[str, Any]:
    """What the SDK's `create` is called with. arguments: the API's parameters, the model by the name of
    `model_parameter`, and the template's variables. Raises ProviderFailed or TemplateFailed."""
    model_name = model_parameter(azure=azure)
    call = dict(api.always)
    for name in api.parameters:
        value = converted(api, name, arguments.get(name))
        if value is not None:
            call[name] = value
    call["model"] = arguments.get(model_name)
    if not call["model"]:
        raise ProviderFailed(f"The {who} has no {model_name}.", "UserErrorException")
    if api.chat and not azure and not api.images:
        call.pop("n", None)  # a chat by promptflow's OpenAI tool has one answer
    if call.get("tools"):
        call.pop("functions", None)
    for choice, of in (("tool_choice", "tools"), ("function_call", "functions")):
        if call.get(of):
            check_functions(of, call[of])
            call.setdefault(choice, "auto")
        else:
            call.pop(choice, None)
    # promptflow's two chats differ in this: only Azure's shows lists so.
    shown = with_lines(arguments) if api.images or (azure and api.chat) else arguments
    text = template.render(guard_arguments(shown, from_caller))
    if api.chat:
        call["messages"] = parse_chat(text, find_images(arguments) if api.images else ())
    else:
        call["prompt"] = unguard(text)
    return call


def converted(api: Api, name: str, value: Any) -> Any:
    """A parameter as the API wants it, None when it is not to be sent; what is no parameter stays as it is. Raises
    ProviderFailed."""
    convert = api.parameters.get(name)
    if convert is None or value is None or value == "":
        return None if convert is not None else value
    try:
        return convert(value)
    except (ValueError, TypeError, OverflowError):
        raise ProviderFailed(f"The parameter '{name}' cannot be {value!r}.", "UserErrorException") from None


def check_streamed(arguments: Mapping[str, Any]) -> None:
    """promptflow's tools do not stream when functions are given; with tools the texts are streamed and the calls are
    lost. Raises ProviderFailed."""
    if arguments.get("functions") is not None:
        message = "Function calling has not been supported by stream mode yet."
        raise ProviderFailed(message, "FunctionCallNotSupportedInStreamMode")


def answer_of(api: Api, call: Mapping[str, Any], response: Any) -> Any:
    """The text; with tools or functions the whole message as a dict."""
    if not api.chat:
        return response.choices[0].text
    if call.get("tools") or call.get("functions"):
        return response.model_dump()["choices"][0]["message"]
    return response.choices[0].message.content


def provider_for(connection: str, surroundings: Surroundings) -> Provider:
    """The connection's provider, one for all nodes of a flow. Raises ConnectionInvalid."""
    if connection not in surroundings.clients:
        surroundings.clients[connection] = make_provider(surroundings.connections.get(connection))
    provider: Provider = surroundings.clients[connection]
    return provider


class _LlmCall:
    def __init__(self, request: ToolRequest, provider: Provider, template: Template, api: Api) -> None:
        self._node = request.node
        self._api = api
        self._from_caller = request.from_flow_inputs
        self._provider = provider
        self._template = template
        client = provider.client
        self._create: Any = client.chat.completions.create if api.chat else client.completions.create

    def checked(self, constants: Mapping[str, Any]) -> Mapping[str, Any]:
        """The literals with parameters converted once, more strictly than what a request brings. Raises FlowLoadError
        naming the one that does not fit."""
        checked = {}
        for key, value in constants.items():
            try:
                strict = _LITERALS.get(key) if key in self._api.parameters and value not in (None, "") else None
                checked[key] = converted(self._api, key, strict(value) if strict else value)
            except (ProviderFailed, ValueError, TypeError):
                raise FlowLoadError(f"node '{self._node}': the parameter '{key}' cannot be {value!r}") from None
        return checked

    async def answer(self, **arguments: Any) -> Any:
        """The text; with tools or functions the whole message as a dict."""
        call = self._call(arguments)
        return answer_of(self._api, call, await self._provider.call(lambda: self._create(**call)))

    async def stream(self, **arguments: Any) -> Any:
        """The text piece by piece, as it comes. Raises ProviderFailed as `check_streamed` says."""
        check_streamed(arguments)
        call = self._call(arguments)
        response = await self._provider.call(lambda: self._create(**call, stream=True))
        return TextStream(response, self._provider, chat=self._api.chat)

    def _call(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return build_call(
            self._api,
            self._template_of(arguments),
            arguments,
            azure=self._provider.azure,
            from_caller=self._from_caller,
            who=f"node '{self._node}'",
        )

    def _template_of(self, arguments: Mapping[str, Any]) -> Template:
        """An input `prompt`, often what a prompt node made, goes before the node's own template. Raises
        TemplateFailed."""
        given = arguments.get("prompt")
        if given is None:
            return self._template
        text = given.guarded if isinstance(given, PromptText) else str(given)
        try:
            return Template(text, who=f"node '{self._node}'", path="prompt", images=self._api.images)
        except FlowLoadError as error:
            raise TemplateFailed(f"Failed to render jinja template: {error.message}.") from None


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


def _list(value: Any) -> list[Any]:
    value = json.loads(value) if isinstance(value, str) else value
    if not isinstance(value, list):
        raise TypeError("a list is expected")
    return value


def _strict_bool(value: Any) -> bool:
    if str(value).lower() not in ("true", "false"):
        raise ValueError("true or false is expected")
    return _bool(value)


_LITERALS: Mapping[str, Convert] = {
    "stop": _list,
    "functions": _list,
    "tools": _list,
    "max_tokens": int,
    "echo": _strict_bool,
}
"""What a node's file may say, by the types of promptflow-tools' parameters."""

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
_ALWAYS: Mapping[str, Any] = {"temperature": 1.0, "top_p": 1.0, "n": 1}
CHAT = Api(
    "chat",
    chat=True,
    parameters={
        **_SHARED,
        "max_completion_tokens": _max_tokens,
        "response_format": _json,
        "functions": _json,
        "function_call": _choice,
        "tools": _json,
        "tool_choice": _choice,
    },
    always=_ALWAYS,
)
COMPLETION = Api(
    "completion",
    chat=False,
    parameters={**_SHARED, "suffix": str, "logprobs": int, "echo": _bool, "best_of": int},
    always={**_ALWAYS, "max_tokens": 16},
)
LLM_COMPLETION = replace(COMPLETION, always=_ALWAYS)
"""As the tool `llm` calls it: with no limit of its own to the length."""

_SEEING = ("temperature", "top_p", "stop", "max_tokens", "presence_penalty", "frequency_penalty", "seed")
VISION = Api(
    "vision",
    chat=True,
    parameters={name: _SHARED[name] for name in _SEEING},
    always={**_ALWAYS, "presence_penalty": 0.0, "frequency_penalty": 0.0},
    images=True,
)
"""An input `detail` is taken and has no effect, as in promptflow-tools: images go out with the detail `auto`."""
