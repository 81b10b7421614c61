"""The types of connections, one line each: Azure ML's, as the SDK 1.35 loads them, and those of prompt flow alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ConnectionType:
    """word: `type:` in YAML. category: in REST. address: the key that the type's own files have for the target.
    required: keys that must be there (`target` by any of its names). without: the authType when there are no
    credentials, "" when there must be some. taken: authTypes that it takes, any when empty. metadata: YAML keys → names
    in the metadata; all_metadata: with null where absent, as the SDK sends them. defaults: the same with a value where
    absent. flow_type: prompt flow's name, where Azure ML has no category of its own. artifact: of a lake."""

    word: str
    category: str
    address: str = "target"
    required: tuple[str, ...] = ("target",)
    without: str = ""
    taken: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    all_metadata: bool = False
    defaults: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    flow_type: str = ""
    artifact: bool = False
    needs: str = "api_key"

    @property
    def asked_for(self) -> str:
        """By which a list is asked for those of the type: Azure keeps several types as `CognitiveService`."""
        return self.word if self.category == "CognitiveService" else self.category

    @property
    def signs_in(self) -> bool:
        """Whether an `auth_mode` says if it has a key."""
        return self.taken == _KEY_OR_ENTRA

    @property
    def tells(self) -> frozenset[str]:
        """What the metadata of such a connection says, and that of no other with the same category."""
        return frozenset({self.flow_type, *(value for _, value in self.defaults.values())} - {""})


_KEY_OR_ENTRA = ("ApiKey", "AAD")
_VERSIONED = {"api_version": "ApiVersion", "api_type": "ApiType"}
_USER = "UsernamePassword"


_ALL = (
    ConnectionType(
        "azure_open_ai",
        "AzureOpenAi",
        "azure_endpoint",
        without="AAD",
        taken=_KEY_OR_ENTRA,
        # The second as Azure ML's files have it, the third as prompt flow's own do.
        metadata={"api_version": "ApiVersion", "open_ai_resource_id": "ResourceId", "resource_id": "ResourceId"},
        all_metadata=True,
        defaults={"api_type": ("ApiType", "Azure")},
    ),
    ConnectionType("open_ai", "OpenAi", required=(), taken=("ApiKey",), metadata={"organization": "organization"}),
    ConnectionType("serverless", "Serverless", "endpoint", taken=("ApiKey",)),
    ConnectionType("api_key", "ApiKey", "api_base", taken=("ApiKey",)),
    ConnectionType(
        "azure_ai_search", "CognitiveSearch", "endpoint", without="AAD", taken=_KEY_OR_ENTRA, metadata=_VERSIONED
    ),
    ConnectionType(
        "cognitive_search", "CognitiveSearch", "api_base", without="AAD", taken=_KEY_OR_ENTRA, metadata=_VERSIONED
    ),
    ConnectionType(
        "azure_content_safety",
        "CognitiveService",
        "endpoint",
        without="AAD",
        taken=_KEY_OR_ENTRA,
        metadata=_VERSIONED,
        defaults={"kind": ("Kind", "Content Safety")},
    ),
    ConnectionType(
        "azure_speech_services",
        "CognitiveService",
        "endpoint",
        without="AAD",
        taken=_KEY_OR_ENTRA,
        defaults={"kind": ("Kind", "speech")},
    ),
    ConnectionType(
        "form_recognizer",
        "CognitiveService",
        "endpoint",
        taken=_KEY_OR_ENTRA,
        metadata=_VERSIONED,
        defaults={"kind": ("Kind", "Form Recognizer")},
    ),
    ConnectionType(
        "azure_ai_services",
        "AIServices",
        "endpoint",
        without="AAD",
        taken=_KEY_OR_ENTRA,
        metadata={"ai_services_resource_id": "ResourceId"},
    ),
    ConnectionType("serp", "Serp", required=(), taken=("ApiKey",)),
    ConnectionType("qdrant", "CustomKeys", "api_base", flow_type="Qdrant"),
    ConnectionType("weaviate", "CustomKeys", "api_base", flow_type="Weaviate"),
    ConnectionType("custom", "CustomKeys", required=(), without="None"),
    ConnectionType("git", "Git", without="None", taken=("PAT", _USER, "None")),
    ConnectionType("python_feed", "PythonFeed", without="None", taken=(_USER, "PAT", "None")),
    ConnectionType("container_registry", "ContainerRegistry", taken=("ManagedIdentity", _USER), needs="credentials"),
    ConnectionType("s3", "S3", without="None"),
    ConnectionType("snowflake", "Snowflake", without="None"),
    ConnectionType("azure_sql_db", "AzureSqlDb", without="None"),
    ConnectionType("azure_synapse_analytics", "AzureSynapseAnalytics", without="None"),
    ConnectionType("azure_my_sql_db", "AzureMySqlDb", without="None"),
    ConnectionType("azure_postgres_db", "AzurePostgresDb", without="None"),
    ConnectionType("azure_data_lake_gen2", "ADLSGen2", without="AAD"),
    ConnectionType(
        "azure_blob",
        "AzureBlob",
        "url",
        required=("target", "account_name", "container_name"),
        without="AAD",
        taken=("SAS", "AccountKey", "AAD"),
        metadata={"container_name": "ContainerName", "account_name": "AccountName"},
    ),
    ConnectionType(
        "azure_one_lake", "AzureOneLake", "endpoint", without="AAD", taken=("ServicePrincipal", "AAD"), artifact=True
    ),
)
TYPES: Mapping[str, ConnectionType] = {each.word: each for each in _ALL}
