"""What a file may say without anything following from it: it is kept, shown again, and told of."""

from __future__ import annotations

from collections.abc import Mapping

from flowstead.azure_yaml.document import Document
from flowstead.azure_yaml.entry import ON_THE_COMMAND_LINE, Entry

_OPEN = "is kept and not in force"
_RECORDED = (
    (
        "code_configuration.scoring_script",
        "",
        "is kept and not run: what is deployed is the flow that `model` names, which needs no scoring script.",
    ),
    ("model_mount_path", "", f"{_OPEN}: AZUREML_MODEL_DIR says where the flow's folder is."),
    ("egress_public_network_access", "disabled", f"{_OPEN}: instances reach what this machine reaches."),
    ("public_network_access", "disabled", f"{_OPEN}: the gateway's address says from where endpoints are reached."),
)
"""Key · the value that asks for something, "" for any · what becomes of it. docs/reference/compatibility.md has the
same."""


def recorded_only(document: Document) -> tuple[str, ...]:
    """A sentence for each, with its place. What `update --set` brings back from the server was told of before."""
    told = []
    for key, wanted, why in _RECORDED:
        entry = _at(document.top, key)
        if entry is None or not entry.text or (wanted and entry.text.lower() != wanted):
            continue
        if document.file is not None or entry.origin == ON_THE_COMMAND_LINE:
            told.append(f"{entry.origin}: {key} {why}")
    return tuple(told)


def _at(top: Entry, key: str) -> Entry | None:
    entry: Entry | None = top
    for word in key.split("."):
        entry = entry.value.get(word) if entry is not None and isinstance(entry.value, Mapping) else None
    return entry
