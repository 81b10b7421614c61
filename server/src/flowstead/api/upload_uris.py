"""Where an asset's address says that its files were uploaded."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

from flowstead.api.datastores import ACCOUNT
from flowstead.api.paths import is_same_workspace
from flowstead.api.pending_uploads import is_pending
from flowstead.errors import BadArgument
from flowstead.resources.datastore import COLLECTED, CONTAINER, DATASTORE
from flowstead.resources.names import Workspace

_LONG = re.compile(
    r"azureml://subscriptions/(?P<s>[^/]+)/resourcegroups/(?P<g>[^/]+)(?:/providers/[^/]+)?/workspaces/(?P<w>[^/]+)"
    r"/datastores/(?P<store>[^/]+)/paths/(?P<path>.+)",
    re.I,
)
_SHORT = re.compile(r"azureml://datastores/(?P<store>[^/]+)/paths/(?P<path>.+)", re.I)


def uploaded_at(uri: str, workspace: Workspace, field: str = "modelUri") -> tuple[str, str]:
    """Container and path. field: of the body, for messages. Raises BadArgument for an address that is not in this
    workspace's datastore.

    Understood: `azureml://subscriptions/…/datastores/workspaceblobstore/paths/P`, the same without the
    workspace, and a blob's own URL, of which host and account are ignored: Azure's client leaves the account out of a
    build context's path."""
    demand_no_credentials(uri, field)
    match = _LONG.fullmatch(uri) or _SHORT.fullmatch(uri)
    if match is None and uri.lower().startswith(("http://", "https://")):
        return _of_blob_url(uri, field)
    if match is None or match["store"].lower() != DATASTORE:
        raise _not_ours(uri, field)
    named = match.groupdict()
    if "s" in named and not is_same_workspace(named["s"], named["g"], named["w"], workspace):
        raise _not_ours(uri, field)
    return CONTAINER, match["path"].rstrip("/")


def demand_own_files(path: str, field: str) -> None:
    """Raises BadArgument for a path where instances collect data: what a flow's code has written there is not to be
    run, or taken for a client's own, by anybody."""
    if is_collected(path):
        raise BadArgument(
            f"{path[:200]!r} is where deployments collect data.",
            hint="Download it, look through it, and upload what you want to register.",
            target=f"properties.{field}",
        )


def demand_no_credentials(uri: str, field: str) -> None:
    """Raises BadArgument for a web address with a password or a signature: addresses are shown to every reader."""
    parts = urlsplit(uri)
    if parts.username is not None or any(name.lower() == "sig" for name, _ in parse_qsl(parts.query)):
        raise BadArgument(
            f"{field} holds a password or a signature, which everybody could read who may read the asset.",
            hint="Leave it out.",
            target=f"properties.{field}",
        )


def is_collected(path: str) -> bool:
    """Whether instances write there."""
    return f"{path}/".startswith(COLLECTED)


def _of_blob_url(uri: str, field: str) -> tuple[str, str]:
    segments = unquote(urlsplit(uri).path).strip("/").split("/")
    if segments and segments[0].lower().startswith(f"{ACCOUNT}.blob."):
        segments = segments[1:]
    if len(segments) < 2 or (segments[0] != CONTAINER and not is_pending(segments[0])):
        raise _not_ours(uri, field)
    return segments[0], "/".join(segments[1:])


def _not_ours(uri: str, field: str) -> BadArgument:
    return BadArgument(
        f"{field} {uri.partition('?')[0][:200]!r} does not lie in the datastore {DATASTORE} of this workspace.",
        hint=f"Upload the files there; then give azureml://datastores/{DATASTORE}/paths/LocalUpload/….",
        target=f"properties.{field}",
    )
