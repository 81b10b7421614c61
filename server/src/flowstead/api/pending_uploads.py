"""A container of its own for the files of one version, as Azure's clients ask for before they upload code."""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta
from typing import Any, Literal

from flowstead.access.signatures import sign
from flowstead.api.bodies import Body
from flowstead.api.context import Context
from flowstead.api.datastores import ACCOUNT, container_url

_LIFETIME = timedelta(hours=1)
_KEEP = timedelta(days=1)
"""When the container goes: what was registered of it has been copied, and nobody can get another signature for it."""
_CONTAINER = re.compile(r"upload-(?P<begun>[0-9a-f]{8})[0-9a-f]{24}")
_PERMISSIONS = "racwdl"


class PendingUploadBody(Body):
    pending_upload_id: str | None = None
    pending_upload_type: Literal["TemporaryBlobReference", "None"] = "TemporaryBlobReference"


def pending_upload(here: Context, body: PendingUploadBody) -> dict[str, Any]:
    """The answer to `startPendingUpload`: each call gives another container, and a signature that opens all of it."""
    now = here.clock.now()
    _remove_old(here, now)
    container = f"upload-{int(now.timestamp()):08x}{uuid.uuid4().hex[:24]}"
    signature = sign(
        here.upload_key,
        container=container,
        prefixes=("",),
        permissions=_PERMISSIONS,
        expires=now + _LIFETIME,
    )
    address = container_url(here, container)
    group = f"/subscriptions/{here.workspace.subscription}/resourceGroups/{here.workspace.resource_group}"
    return {
        "pendingUploadId": body.pending_upload_id or container,
        "pendingUploadType": body.pending_upload_type,
        "blobReferenceForConsumption": {
            "blobUri": address,
            "storageAccountArmId": f"{group}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}",
            "credential": {"credentialType": "SAS", "sasUri": f"{address}?{signature}"},
        },
    }


def _remove_old(here: Context, now: datetime) -> None:
    for container in here.uploads.containers():
        match = _CONTAINER.fullmatch(container)
        if match is not None and now.timestamp() - int(match["begun"], 16) > _KEEP.total_seconds():
            here.uploads.remove_container(container)


def is_pending(container: str) -> bool:
    """Whether the container is one of these."""
    return _CONTAINER.fullmatch(container) is not None
