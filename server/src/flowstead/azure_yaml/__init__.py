"""Azure ML YAML ↔ REST bodies. Unknown keys and wrong types are refused by file, line and key."""

from flowstead.azure_yaml.deployment import DeploymentDocument, read_deployment
from flowstead.azure_yaml.document import Document, empty_document, read_document
from flowstead.azure_yaml.endpoint import EndpointDocument, read_endpoint
from flowstead.azure_yaml.model import model_properties, read_model
from flowstead.azure_yaml.references import (
    AssetId,
    EnvironmentReference,
    InlineEnvironment,
    InlineModel,
    ModelReference,
    NamedAsset,
)
from flowstead.azure_yaml.shown import endpoint_of, shown_deployment, shown_endpoint, shown_model

__all__ = [
    "AssetId",
    "DeploymentDocument",
    "Document",
    "EndpointDocument",
    "EnvironmentReference",
    "InlineEnvironment",
    "InlineModel",
    "ModelReference",
    "NamedAsset",
    "empty_document",
    "endpoint_of",
    "model_properties",
    "read_deployment",
    "read_document",
    "read_endpoint",
    "read_model",
    "shown_deployment",
    "shown_endpoint",
    "shown_model",
]
