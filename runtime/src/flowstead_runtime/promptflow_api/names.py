"""Which `promptflow` modules there are, and what each of their names is here: `module:attribute`."""

from __future__ import annotations

from collections.abc import Mapping

PACKAGE = "promptflow"
API_VERSION = "1.18.5"
"""The promptflow version whose names these are."""

_HERE = "flowstead_runtime.promptflow_api"
_TOOLS = "flowstead_runtime.tools"

_DECORATORS = {
    name: f"{_TOOLS}.decorator:{name}"
    for name in ("tool", "ToolProvider", "InputSetting", "DynamicList", "GeneratedBy")
}
_VALUES = {name: f"{_TOOLS}.values:{name}" for name in ("Secret", "PromptTemplate", "FilePath", "AssistantDefinition")}
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
_TRACING = {name: f"{_HERE}.tracing:{name}" for name in ("trace", "start_trace")}
_METRICS = {"log_metric": f"{_HERE}.metrics:log_metric"}
_MODELS = {
    name: f"{_HERE}.model_configuration:{name}"
    for name in ("ModelConfiguration", "AzureOpenAIModelConfiguration", "OpenAIModelConfiguration")
}
_PROMPTY = {name: f"{_HERE}.prompty:{name}" for name in ("Prompty", "AsyncPrompty")}
_TEMPLATES = {name: f"{_HERE}.templates:{name}" for name in ("parse_chat", "render_jinja_template")}

MODULES: Mapping[str, Mapping[str, str]] = {
    PACKAGE: {**_DECORATORS, **_METRICS},
    "promptflow.core": {**_DECORATORS, **_METRICS, **_MODELS, **_PROMPTY},
    "promptflow.core._flow": _PROMPTY,
    "promptflow.core._model_configuration": _MODELS,
    "promptflow.core._connection": _CONNECTIONS,
    "promptflow._core": {},
    "promptflow._core.tool": _DECORATORS,
    "promptflow._internal": {**_DECORATORS, **_METRICS, **_TRACING},
    "promptflow.entities": {**_DECORATORS, **_CONNECTIONS},
    "promptflow._sdk": {},
    "promptflow._sdk.entities": _CONNECTIONS,
    "promptflow.connections": _CONNECTIONS,
    "promptflow.contracts": {},
    "promptflow.contracts.multimedia": _MULTIMEDIA,
    "promptflow.contracts.types": _VALUES,
    "promptflow.exceptions": _EXCEPTIONS,
    "promptflow.tracing": _TRACING,
    "promptflow.tracing._operation_context": {"OperationContext": f"{_HERE}.tracing:OperationContext"},
    "promptflow._utils": {},
    "promptflow._utils.logger_utils": {"get_logger": f"{_HERE}.logs:get_logger"},
    "promptflow._utils.yaml_utils": {"load_yaml": f"{_HERE}.templates:load_yaml"},
    "promptflow.tools": {},
    "promptflow.tools.common": _TEMPLATES,
}
