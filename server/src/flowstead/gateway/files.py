"""What lies in the gateway's run directory: written whole or not at all, readable by this user only."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flowstead.gateway.authentication import issuer_filters
from flowstead.gateway.bootstrap import Files
from flowstead.gateway.description import Certificate, TokenIssuer
from flowstead.gateway.listener import CERTIFICATE
from flowstead.gateway.routes import Configuration

Json = dict[str, Any]


def texts(wanted: Configuration) -> dict[str, str]:
    """`clusters`, `routes`, `listeners` → the file's text. Its version is the digest of what it holds."""
    parts = {"clusters": wanted.clusters, "routes": wanted.routes, "listeners": wanted.listeners}
    return {name: response_text(resources) for name, resources in parts.items()}


def response_text(resources: Sequence[Json]) -> str:
    content = json.dumps(resources, separators=(",", ":"))
    version = hashlib.sha256(content.encode()).hexdigest()[:16]
    return f'{{"version_info":"{version}","resources":{content}}}'


def certificate_text(certificate: Certificate) -> str:
    """Certificate and key in one file, so that Envoy never sees one of them without the other."""
    secret = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        "name": CERTIFICATE,
        "tls_certificate": {
            "certificate_chain": {"inline_string": certificate.chain},
            "private_key": {"inline_string": certificate.key},
        },
    }
    return response_text([secret])


def issuer_text(issuer: TokenIssuer | None) -> str:
    """Without an issuer nobody's tokens count."""
    return response_text(issuer_filters(issuer) if issuer else [])


def with_former(former: str, wanted: Sequence[Json]) -> str:
    """The clusters that are wanted and, beside them, those of the former text that no route may need any more."""
    names = {resource["name"] for resource in wanted}
    try:
        left = [resource for resource in json.loads(former)["resources"] if resource["name"] not in names]
    except (ValueError, KeyError, TypeError):
        left = []
    return response_text([*wanted, *left])


def bindings_of(text: str) -> dict[str, tuple[str, int]]:
    """Listener → (host, port) of the listeners' text; empty for a text that is none of ours."""
    try:
        addresses = {each["name"]: each["address"]["socket_address"] for each in json.loads(text)["resources"]}
        return {name: (address["address"], address["port_value"]) for name, address in addresses.items()}
    except (ValueError, KeyError, TypeError):
        return {}


def version_of(text: str) -> str:
    """The version of a file's text; "" for a text that is none of ours."""
    try:
        return str(json.loads(text)["version_info"])
    except (ValueError, KeyError, TypeError):
        return ""


def place(files: Files, name: str) -> Path:
    return {"clusters": files.clusters, "routes": files.routes, "listeners": files.listeners}[name]


def read(path: Path) -> str:
    """Its text, or "" when it is not there."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def write(path: Path, text: str) -> None:
    """By rename, which is what Envoy watches for. It survives a crash of the machine whole."""
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
