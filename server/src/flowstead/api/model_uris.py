"""Where a model's address says that its files were uploaded."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from flowstead.api.datastores import ACCOUNT, CONTAINER, DATASTORE
from flowstead.api.paths import is_same_workspace
from flowstead.errors import BadArgument
from flowstead.resources.names import Workspace

_LONG = re.compile(
    r"azureml://subscriptions/(?P<s>[^/]+)/resourcegroups/(?P<g>[^/]+)(?:/providers/[^/]+)?/workspaces/(?P<w>[^/]+)"
    r"/datastores/(?P<store>[^/]+)/paths/(?P<path>.+)",
    re.I,
)
_SHORT = re.compile(r"azureml://datastores/(?P<store>[^/]+)/paths/(?P<path>.+)", re.I)


def uploaded_at(uri: str, workspace: Workspace) -> tuple[str, str]:
    """Container and path. Raises BadArgument for an address that is not in this workspace's datastore.

    Understood: `azureml://subscriptions/…/datastores/workspaceblobstore/paths/P`, the same without the
    workspace, and a blob's own URL, of which host and account are ignored."""
    match = _LONG.fullmatch(uri) or _SHORT.fullmatch(uri)
    if match is None and uri.lower().startswith(("http://", "https://")):
        return _of_blob_url(uri)
    if match is None or match["store"].lower() != DATASTORE:
        raise _not_ours(uri)
    named = match.groupdict()
    if "s" in named and not is_same_workspace(named["s"], named["g"], named["w"], workspace):
        raise _not_ours(uri)
    return CONTAINER, match["path"].rstrip("/")


def _of_blob_url(uri: str) -> tuple[str, str]:
    segments = unquote(urlsplit(uri).path).strip("/").split("/")
    if segments and segments[0].lower().startswith(f"{ACCOUNT}.blob."):
        segments = segments[1:]
    if len(segments) < 2 or segments[0] != CONTAINER:
        raise _not_ours(uri)
    return CONTAINER, "/".join(segments[1:])


def _not_ours(uri: str) -> BadArgument:
    return BadArgument(
        f"modelUri {uri.partition('?')[0][:200]!r} does not lie in the datastore {DATASTORE} of this workspace.",
        hint=f"Upload the files there; then give azureml://datastores/{DATASTORE}/paths/LocalUpload/….",
        target="properties.modelUri",
    )
