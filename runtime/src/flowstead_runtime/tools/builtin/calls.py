"""`chat`, `completion` and `embedding`, as flow code calls them: blocking, the prompt as text."""

from __future__ import annotations

from typing import Any

from flowstead_runtime.connections.types import (
    AzureOpenAIConnection,
    Connection,
    OpenAIConnection,
)
from flowstead_runtime.errors import ProviderFailed
from flowstead_runtime.tools import clients
from flowstead_runtime.tools.decorator import ToolProvider, tool
from flowstead_runtime.tools.llm import (
    CHAT,
    COMPLETION,
    LLM_COMPLETION,
    VISION,
    Api,
    answer_of,
    build_call,
    check_streamed,
)
from flowstead_runtime.tools.template import Template
from flowstead_runtime.tools.text_stream import BlockingTextStream

DEFAULT_EMBEDDING_MODEL = "text-embedding-ada-002"
DEFAULT_VISION_MODEL = "gpt-4-vision-preview"


@tool
def azure_chat(connection: AzureOpenAIConnection, prompt: str, deployment_name: str = "", **arguments: Any) -> Any:
    """The answer to a chat. prompt: a template with role lines; arguments: the API's parameters and the template's
    variables; with `stream=True` an iterator of texts. Raises ProviderFailed or TemplateFailed."""
    return _ask(CHAT, connection, prompt, {**arguments, "deployment_name": deployment_name})


@tool
def azure_completion(
    connection: AzureOpenAIConnection, prompt: str, deployment_name: str = "", **arguments: Any
) -> Any:
    """As `azure_chat`, for a text that is to be continued."""
    return _ask(COMPLETION, connection, prompt, {**arguments, "deployment_name": deployment_name})


@tool
def chat(connection: OpenAIConnection, prompt: str, model: str = "", **arguments: Any) -> Any:
    """As `azure_chat`, for OpenAI and its like."""
    return _ask(CHAT, connection, prompt, {**arguments, "model": model})


@tool
def completion(connection: OpenAIConnection, prompt: str, model: str = "", **arguments: Any) -> Any:
    """As `azure_completion`, for OpenAI and its like."""
    return _ask(COMPLETION, connection, prompt, {**arguments, "model": model})


@tool
def llm(connection: Any, prompt: str, api: str = "chat", **arguments: Any) -> Any:
    """Whichever fits the connection."""
    return _ask(LLM_COMPLETION if api == "completion" else CHAT, connection, prompt, arguments)


@tool
def llm_vision(connection: Any, prompt: str, detail: str = "auto", **arguments: Any) -> Any:
    """A chat whose template places images. detail: without effect, see `VISION`."""
    return _ask(VISION, connection, prompt, {"model": DEFAULT_VISION_MODEL, **arguments, "detail": detail})


@tool
def embedding(connection: Any, input: str, deployment_name: str = "", model: str = DEFAULT_EMBEDDING_MODEL) -> Any:
    """A text's vector."""
    provider = clients.blocking_provider(connection)
    chosen = deployment_name if provider.azure else getattr(model, "value", model)
    response = provider.call(
        lambda: provider.client.embeddings.create(input=input, model=chosen, encoding_format="float")
    )
    return list(response.data[0].embedding)


@tool
def render_template_jinja2(template: str, **arguments: Any) -> str:
    """The template rendered in jinja's sandbox."""
    return Template(template, who="render_template_jinja2", path="<text>").render(arguments)


class AzureOpenAI(ToolProvider):
    """The same by a connection that is given once."""

    def __init__(self, connection: AzureOpenAIConnection) -> None:
        self.connection = connection

    @tool
    def chat(self, prompt: str, deployment_name: str = "", **arguments: Any) -> Any:
        return azure_chat(self.connection, prompt, deployment_name, **arguments)

    @tool
    def completion(self, prompt: str, deployment_name: str = "", **arguments: Any) -> Any:
        return azure_completion(self.connection, prompt, deployment_name, **arguments)


class OpenAI(ToolProvider):
    """The same by a connection that is given once."""

    def __init__(self, connection: OpenAIConnection) -> None:
        self.connection = connection

    @tool
    def chat(self, prompt: str, model: str = "", **arguments: Any) -> Any:
        return chat(self.connection, prompt, model, **arguments)

    @tool
    def completion(self, prompt: str, model: str = "", **arguments: Any) -> Any:
        return completion(self.connection, prompt, model, **arguments)


def _ask(api: Api, connection: Any, prompt: str, arguments: dict[str, Any]) -> Any:
    if not isinstance(connection, Connection):
        raise ProviderFailed(f"A connection is expected, not {type(connection).__name__}.", "InvalidConnectionType")
    provider = clients.blocking_provider(connection)
    template = Template(str(prompt), who="prompt", path="<text>", images=api.images)
    call = build_call(api, template, arguments, azure=provider.azure, who=f"{api.name} call")
    client = provider.client
    create: Any = client.chat.completions.create if api.chat else client.completions.create
    if str(arguments.get("stream")).lower() == "true":
        check_streamed(arguments)
        return BlockingTextStream(provider.call(lambda: create(**call, stream=True)), provider, chat=api.chat)
    return answer_of(api, call, provider.call(lambda: create(**call)))
