"""Which `promptflow` modules there are, and what each of their names is here: `module:attribute`."""

from __future__ import annotations

from collections.abc import Mapping

from flowstead_runtime.promptflow_api.exceptions import KNOWN

PACKAGE = "promptflow"
API_VERSION = "1.18.5"
"""The promptflow version whose names these are."""

_HERE = "flowstead_runtime.promptflow_api"
_TOOLS = "flowstead_runtime.tools"

_DECORATORS = {
    name: f"{_TOOLS}.decorator:{name}"
    for name in ("tool", "ToolProvider", "InputSetting", "DynamicList", "GeneratedBy")
}
_VALUES = {name: f"{_TOOLS}.values:{name}" for name in ("Secret", "PromptTemplate", "FilePath")}
_ASSISTANT = {name: f"{_TOOLS}.assistant:{name}" for name in ("AssistantDefinition", "AssistantToolInvoker")}
_MULTIMEDIA = {"Image": f"{_TOOLS}.multimedia:Image", "Text": f"{_TOOLS}.multimedia:Text"}
_CONNECTIONS = {
    name: f"flowstead_runtime.connections.types:{name}"
    for name in (
        "AzureAIServicesConnection",
        "AzureContentSafetyConnection",
        "AzureOpenAIConnection",
        "CognitiveSearchConnection",
        "CustomConnection",
        "CustomStrongTypeConnection",
        "FormRecognizerConnection",
        "OpenAIConnection",
        "QdrantConnection",
        "SerpConnection",
        "ServerlessConnection",
        "WeaviateConnection",
    )
}
_EXCEPTIONS = {
    name: f"{_HERE}.exceptions:{name}"
    for name in (
        "ErrorTarget",
        "PromptflowException",
        "SystemErrorException",
        "UserErrorException",
        "ValidationException",
    )
}
_TRACING = {name: f"{_HERE}.tracing:{name}" for name in ("trace", "start_trace", "ThreadPoolExecutorWithContext")}
_METRICS = {"log_metric": f"{_HERE}.metrics:log_metric"}
_MODELS = {
    name: f"{_HERE}.model_configuration:{name}"
    for name in ("ModelConfiguration", "AzureOpenAIModelConfiguration", "OpenAIModelConfiguration")
}
_PROMPTY = {name: f"{_HERE}.prompty:{name}" for name in ("Prompty", "AsyncPrompty")}
_FLOWS = {name: f"flowstead_runtime.flow.in_code:{name}" for name in ("Flow", "AsyncFlow")}
_TEMPLATES = {
    name: f"{_HERE}.templates:{name}" for name in ("build_messages", "parse_chat", "render_jinja_template", "to_bool")
}
_NO_EFFECT = {name: f"{_HERE}.no_effect:{name}" for name in ("enable_cache", "register_apis")}
_KNOWN_ERRORS = {name: f"{_HERE}.exceptions:{name}" for name in KNOWN}
_TOKENS = {
    name: f"flowstead_runtime.connections.entra:{target}"
    for name, target in {
        "AzureTokenProvider": "EntraTokens",
        "StaticTokenProvider": "StaticTokenProvider",
        "TokenProviderABC": "TokenProvider",
    }.items()
}
_CONTEXT = {"OperationContext": f"{_HERE}.operation_context:OperationContext"}
_TOOL_FAILED = {"ToolExecutionError": f"{_HERE}.exceptions:ToolExecutionError"}
_ANSWERS = {name: f"{_HERE}.error_response:{name}" for name in ("ErrorResponse", "ExceptionPresenter")}
_TRACE_TYPES = {name: f"{_HERE}.trace_types:{name}" for name in ("Trace", "TraceType")}
_LOGGER = {"get_logger": f"{_HERE}.logs:get_logger"}
_CONNECTION_BASE = {"_Connection": "flowstead_runtime.connections.types:Connection"}
_CLIENT = {
    "load_flow": "flowstead_runtime.flow.in_code:load_flow",
    **{name: f"{_HERE}.absent:{name}" for name in ("PFClient", "load_run")},
}
_CLIENT_CLASS = {"PFClient": f"{_HERE}.absent:PFClient"}

_BUILTIN = f"{_HERE}.builtin_tools"
_TOOL_MODULES = {
    "aoai": {
        "AzureOpenAI": f"{_BUILTIN}:AzureOpenAI",
        "chat": f"{_BUILTIN}:azure_chat",
        "completion": f"{_BUILTIN}:azure_completion",
    },
    "openai": {name: f"{_BUILTIN}:{name}" for name in ("OpenAI", "chat", "completion")},
    "llm": {"llm": f"{_BUILTIN}:llm"},
    "llm_vision": {"llm_vision": f"{_BUILTIN}:llm_vision"},
    "embedding": {"embedding": f"{_BUILTIN}:embedding"},
    "serpapi": {
        "search": f"{_BUILTIN}:search",
        "SerpAPI": f"{_BUILTIN}:SerpAPI",
        "Engine": f"{_TOOLS}.builtin.serp:Engine",
        "SafeMode": f"{_TOOLS}.builtin.serp:SafeMode",
    },
    "azure_content_safety": {
        "analyze_text": f"{_BUILTIN}:analyze_text",
        "TextCategorySensitivity": f"{_TOOLS}.builtin.content_safety:TextCategorySensitivity",
    },
    "open_model_llm": {"OpenModelLLM": f"{_BUILTIN}:OpenModelLLM"},
    "template_rendering": {"render_template_jinja2": f"{_BUILTIN}:render_template_jinja2"},
}

ABSENT: Mapping[str, str] = {
    "promptflow.batch": "it runs many lines at once",
    "promptflow.evals": "it evaluates flows",
    "promptflow._cli": "it is promptflow's command line",
    "promptflow._sdk": "it develops flows",
}
"""Modules that have no place in a flow that is served, and why."""

MODULES: Mapping[str, Mapping[str, str]] = {
    PACKAGE: {**_DECORATORS, **_METRICS, **_CLIENT},
    "promptflow._constants": {"DEFAULT_ENCODING": f"{_HERE}.templates:DEFAULT_ENCODING"},
    "promptflow.azure": _CLIENT_CLASS,
    "promptflow.client": _CLIENT,
    "promptflow.core": {**_DECORATORS, **_METRICS, **_MODELS, **_PROMPTY, **_FLOWS},
    "promptflow.core._errors": _KNOWN_ERRORS,
    "promptflow.core._flow": {**_PROMPTY, **_FLOWS},
    "promptflow.core._model_configuration": _MODELS,
    "promptflow.core._connection": _CONNECTIONS,
    "promptflow._core": {},
    "promptflow._core._errors": _TOOL_FAILED,
    "promptflow._core.cache_manager": _NO_EFFECT,
    "promptflow._core.metric_logger": _METRICS,
    "promptflow._core.operation_context": _CONTEXT,
    "promptflow._core.token_provider": _TOKENS,
    "promptflow._core.tool": _DECORATORS,
    "promptflow._internal": {
        **_DECORATORS,
        **_METRICS,
        **_TRACING,
        **_NO_EFFECT,
        **_ANSWERS,
        **_CONTEXT,
        **_LOGGER,
        **_TOOL_FAILED,
    },
    "promptflow.entities": {
        **_DECORATORS,
        **_CONNECTIONS,
        **{name: f"{_HERE}.absent:{name}" for name in ("FlowContext", "Run")},
    },
    "promptflow.executor": {},
    "promptflow.executor._assistant_tool_invoker": _ASSISTANT,
    "promptflow.integrations": {},
    "promptflow.integrations.langchain": {"PromptFlowCallbackHandler": f"{_HERE}.langchain:PromptFlowCallbackHandler"},
    "promptflow._sdk": {},
    "promptflow._sdk._errors": {"InvalidRunStatusError": f"{_HERE}.exceptions:InvalidRunStatusError"},
    "promptflow._sdk._pf_client": _CLIENT_CLASS,
    "promptflow._sdk.entities": {**_CONNECTIONS, **_CONNECTION_BASE},
    "promptflow.connections": {**_CONNECTIONS, **_CONNECTION_BASE},
    "promptflow.contracts": {},
    "promptflow.contracts.multimedia": _MULTIMEDIA,
    "promptflow.contracts.types": {**_VALUES, "AssistantDefinition": _ASSISTANT["AssistantDefinition"]},
    "promptflow.exceptions": _EXCEPTIONS,
    "promptflow.tracing": _TRACING,
    "promptflow.tracing._operation_context": _CONTEXT,
    "promptflow.tracing._trace": {**_TRACING, **_TRACE_TYPES, "_traced": f"{_HERE}.trace_types:traced"},
    "promptflow.tracing.contracts": {},
    "promptflow.tracing.contracts.trace": _TRACE_TYPES,
    "promptflow._utils": {},
    "promptflow._utils.exception_utils": _ANSWERS,
    "promptflow._utils.logger_utils": _LOGGER,
    "promptflow._utils.yaml_utils": {"load_yaml": f"{_HERE}.templates:load_yaml"},
    "promptflow.tools": {},
    **{f"promptflow.tools.{module}": names for module, names in _TOOL_MODULES.items()},
    "promptflow.tools.common": {
        **_TEMPLATES,
        "handle_openai_error": f"{_HERE}.no_effect:handle_openai_error",
    },
    "promptflow.tools.exception": _KNOWN_ERRORS,
}
