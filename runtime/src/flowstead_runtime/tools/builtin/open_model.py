"""Open models behind an endpoint: Llama, Dolly, GPT-2, Falcon.

Which endpoint is said by a custom connection with `endpoint_url`, `model_family` and the secret `endpoint_api_key`.
Finding endpoints through a subscription is promptflow's business with Azure, and not done here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from flowstead_runtime.errors import ProviderFailed
from flowstead_runtime.tools import clients
from flowstead_runtime.tools.builtin.http import post
from flowstead_runtime.tools.decorator import ToolProvider, tool
from flowstead_runtime.tools.template import Template
from flowstead_runtime.tools.values import PromptTemplate

_ROLE = re.compile(r"\n*(system|user|assistant)\s*:\s*\n", re.IGNORECASE)
_FIELDS = ("endpoint_url", "endpoint_api_key", "model_family")
_FAMILIES = ("llama", "dolly", "gpt-2", "gpt2", "falcon")
_SERVERLESS = ("serverless.ml.azure.com", "inference.ai.azure.com")


class OpenModelLLM(ToolProvider):
    """Asks an open model."""

    @tool
    def call(
        self,
        prompt: PromptTemplate,
        api: str,
        endpoint_name: str,
        deployment_name: str | None = None,
        temperature: float | None = 1.0,
        max_new_tokens: int | None = 500,
        top_p: float | None = 1.0,
        model_kwargs: dict[str, Any] | None = None,
        **arguments: Any,
    ) -> Any:
        """endpoint_name: `connection/NAME` or `localConnection/NAME`; api: chat or completion; arguments: the
        template's variables. Raises ProviderFailed, TemplateFailed or ConnectionInvalid."""
        endpoint = _endpoint(endpoint_name, arguments)
        text = Template(str(prompt), who="prompt", path="<text>").render(arguments)
        parameters = {
            **(model_kwargs or {}),
            "top_p": top_p,
            "temperature": temperature,
            "max_new_tokens": max_new_tokens,
        }
        chat = str(api).lower().endswith("chat")
        headers = {"Authorization": f"Bearer {endpoint['endpoint_api_key']}"}
        deployment = (deployment_name or "").strip()
        if deployment and deployment != "default":
            headers["azureml-model-deployment"] = deployment
        if any(host in endpoint["endpoint_url"] for host in _SERVERLESS):
            return _serverless(endpoint["endpoint_url"], headers, text, parameters, chat=chat)
        llama = endpoint["model_family"].lower() == "llama"
        status, answer = post(endpoint["endpoint_url"], _body(text, parameters, llama=llama, chat=chat), headers)
        return _text(_parsed(status, answer))


def _endpoint(name: str, arguments: dict[str, Any]) -> dict[str, str]:
    """The three fields, given as arguments, which are then not the template's, or by the connection."""
    if any(field in arguments for field in _FIELDS):
        found: Mapping[str, Any] = {field: arguments.pop(field, None) for field in _FIELDS}
    else:
        kind, _, connection = name.partition("/")
        if kind.lower() not in ("connection", "localconnection") or not connection:
            raise ProviderFailed(
                f"The endpoint '{name}' cannot be looked up here. Make a custom connection with {', '.join(_FIELDS)} "
                "and name it as 'connection/NAME'.",
                "OpenModelLLMUserError",
            )
        found = dict(clients.connections().get(connection).items())
    missing = [field for field in _FIELDS if not found.get(field)]
    if missing:
        raise ProviderFailed(f"The endpoint '{name}' lacks {', '.join(missing)}.", "OpenModelLLMKeyValidationError")
    if str(found["model_family"]).lower() not in _FAMILIES:
        message = f"The model family '{found['model_family']}' is unknown; it is one of LLaMa, Dolly, GPT-2, Falcon."
        raise ProviderFailed(message, "OpenModelLLMKeyValidationError")
    return {field: str(found[field]) for field in _FIELDS}


def _body(text: str, parameters: Mapping[str, Any], *, llama: bool, chat: bool) -> dict[str, Any]:
    if not llama:
        return {"input_data": {"input_string": [text]}, "parameters": parameters}
    given = _messages(text) if chat else [text]
    return {"input_data": {"input_string": given, "parameters": {"do_sample": True, **parameters}}}


def _serverless(url: str, headers: Mapping[str, str], text: str, parameters: Mapping[str, Any], *, chat: bool) -> Any:
    path = "/v1/chat/completions" if chat else "/v1/completions"
    body = {"n": 1, **parameters, "max_tokens": parameters["max_new_tokens"]}
    body.update({"messages": _messages(text)} if chat else {"prompt": text})
    answer = _parsed(*post(url if url.endswith(path) else url + path, body, headers))
    try:
        choice = answer["choices"][0]
        return choice["message"]["content"] if chat else choice["text"]
    except (KeyError, IndexError, TypeError):
        raise _unexpected(answer) from None


def _messages(text: str) -> list[dict[str, str]]:
    before, *rest = _ROLE.split(text)
    if before.strip() or not rest:
        raise ProviderFailed(
            "A chat prompt must begin with a line 'system:', 'user:' or 'assistant:'.", "OpenModelLLMUserError"
        )
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return [{"role": role.lower(), "content": content.strip()} for role, content in pairs]


def _parsed(status: int, answer: str) -> Any:
    if status != 200:
        message = f"The endpoint answered {status}: {answer[:500]}"
        raise ProviderFailed(message, "OpenModelLLMOnlineEndpointError")
    try:
        return json.loads(answer)
    except ValueError:
        raise _unexpected(answer) from None


def _text(answer: Any) -> Any:
    if isinstance(answer, dict) and "output" in answer:
        return answer["output"]
    if isinstance(answer, list) and answer and isinstance(answer[0], dict) and "0" in answer[0]:
        return answer[0]["0"]
    raise _unexpected(answer)


def _unexpected(answer: Any) -> ProviderFailed:
    return ProviderFailed(f"Unexpected response format: {str(answer)[:500]}", "OpenModelLLMOnlineEndpointError")
