"""The workspace's one datastore: where in it lies what clients upload and what instances collect."""

from __future__ import annotations

DATASTORE = "workspaceblobstore"
CONTAINER = "azureml-blobstore"
UPLOADS = "LocalUpload/"
"""Where Azure's clients put what they upload."""
COLLECTED = "modelDataCollector/"
"""Where instances put what they collect, as on Azure; clients only read there."""


def datastore_uri(path: str) -> str:
    """The address of a path in the datastore."""
    return f"azureml://datastores/{DATASTORE}/paths/{path}"
