"""Azure ML YAML ↔ REST bodies. Unknown keys and wrong types are refused by file, line and key."""

from flowstead.azure_yaml.collector import CollectedData
from flowstead.azure_yaml.connection import ConnectionDocument, read_connection
from flowstead.azure_yaml.data import DataDocument, data_properties, read_data
from flowstead.azure_yaml.deployment import DeploymentDocument, read_deployment
from flowstead.azure_yaml.description import read_description
from flowstead.azure_yaml.document import Document, document_of, empty_document, read_document
from flowstead.azure_yaml.endpoint import EndpointDocument, read_endpoint
from flowstead.azure_yaml.environment import read_environment
from flowstead.azure_yaml.model import model_properties, read_model
from flowstead.azure_yaml.references import (
    AssetId,
    BuildContext,
    EnvironmentReference,
    InlineEnvironment,
    InlineModel,
    ModelReference,
    NamedAsset,
)
from flowstead.azure_yaml.shown import endpoint_of, shown_deployment, shown_endpoint
from flowstead.azure_yaml.shown_assets import (
    shown_connection,
    shown_data,
    shown_environment,
    shown_model,
    shown_with_secrets,
    shown_workspace,
)

__all__ = [
    "AssetId",
    "BuildContext",
    "CollectedData",
    "ConnectionDocument",
    "DataDocument",
    "DeploymentDocument",
    "Document",
    "EndpointDocument",
    "EnvironmentReference",
    "InlineEnvironment",
    "InlineModel",
    "ModelReference",
    "NamedAsset",
    "data_properties",
    "document_of",
    "empty_document",
    "endpoint_of",
    "model_properties",
    "read_connection",
    "read_data",
    "read_deployment",
    "read_description",
    "read_document",
    "read_endpoint",
    "read_environment",
    "read_model",
    "shown_connection",
    "shown_data",
    "shown_deployment",
    "shown_endpoint",
    "shown_environment",
    "shown_model",
    "shown_with_secrets",
    "shown_workspace",
]
