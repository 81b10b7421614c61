"""Packs the installed `flowstead_runtime` into a wheel, so that environments get the very code that the server has.

Nothing is downloaded and no build backend runs: files and metadata are those of the installation, editable or not.
Wheel format: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from flowstead.errors import StartFailed

DISTRIBUTION = "flowstead-runtime"
PACKAGE = "flowstead_runtime"
_WHEEL = "Wheel-Version: 1.0\nGenerator: flowstead\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold: equal content gives equal bytes."""


@dataclass(frozen=True)
class RuntimeWheel:
    """digest: SHA-256 of the content, hex. dependencies: requirement lines. lock: hashed pins of them."""

    name: str
    content: bytes = field(repr=False)
    digest: str
    dependencies: tuple[str, ...]
    lock: str = field(repr=False)


def pack() -> RuntimeWheel:
    """The wheel of the installed runtime. Raises StartFailed when the runtime is not installed."""
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError as missing:
        raise StartFailed(
            f"The package {DISTRIBUTION} is not installed.", hint=f"Install it: pip install {DISTRIBUTION}."
        ) from missing
    files = _package_files()
    stem = f"{PACKAGE}-{distribution.version}"
    content = _zip(files | _metadata_files(distribution, f"{stem}.dist-info"), f"{stem}.dist-info/RECORD")
    return RuntimeWheel(
        name=f"{stem}-py3-none-any.whl",
        content=content,
        digest=hashlib.sha256(content).hexdigest(),
        dependencies=tuple(each for each in distribution.requires or () if "extra ==" not in each),
        lock=files[f"{PACKAGE}/provided.txt"].decode(),
    )


def _package_files() -> dict[str, bytes]:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise StartFailed(f"The package {PACKAGE} cannot be found.")
    root = Path(next(iter(found.submodule_search_locations)))
    return {
        f"{PACKAGE}/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }


def _metadata_files(distribution: metadata.Distribution, directory: str) -> dict[str, bytes]:
    names = ("METADATA", "entry_points.txt")
    texts = {name: distribution.read_text(name) for name in names} | {"WHEEL": _WHEEL}
    return {f"{directory}/{name}": text.encode() for name, text in texts.items() if text}


def _zip(files: Mapping[str, bytes], record: str) -> bytes:
    lines = [f"{name},sha256={_record_hash(files[name])},{len(files[name])}" for name in sorted(files)]
    entries = {**files, record: "\n".join([*lines, f"{record},,", ""]).encode()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(entries):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, entries[name])
    return buffer.getvalue()


def _record_hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
