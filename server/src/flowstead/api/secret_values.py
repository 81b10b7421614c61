"""Environment variables that look like secrets: they are kept sealed, and shown as a mask."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowstead.errors import BadArgument

MASK = "********"
"""What GET shows instead of a secret. A PUT that brings it back keeps the secret."""

_NAME = re.compile(
    r"(?i)(?:KEYS?|SECRETS?|TOKEN|PASSWORDS?|PASSWD|PASSPHRASE|PWD|CREDENTIALS?|AUTHORIZATION)$"
    r"|(?i:CONNECTION[_-]?STRING|CONN[_-]?STR|ENCODED_CONNECTIONS|OTLP_HEADERS|(?:^|[_-])SAS)$"
)
"""The last word of a name says what it is: OPENAI_API_KEY is one, KEY_COUNT is not."""
_ANYWHERE = re.compile(r"(?i)(?:^|[_-])(?:SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|APIKEY|API_KEY)(?:[_-]|$)")
_VALUE = re.compile(
    r"\bsk-[A-Za-z0-9_-]{12,}"  # OpenAI and those who copy it
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}"  # GitHub
    r"|\beyJ[A-Za-z0-9_-]{10,999}\.[A-Za-z0-9_-]{10,}"  # a JWT
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s/@:]*:[^\s/@]+@"  # an address with a password
    r"|(?i:\b(?:AccountKey|SharedAccessKey|SharedAccessSignature|InstrumentationKey|Password|Pwd)\s*=\s*[^;\s])"
    r"|(?i:[?&](?:sig|code|api[_-]?key|token)=[^&\s])"
    r"|(?i:^\s*(?:bearer|basic)\s+\S{8,})"
)
_REFERENCE = re.compile(r"\s*\$\{\{?[^{}]*\}?\}\s*")
"""`${{azureml://connections/c/credentials/key}}`, `${c.api_key}`: says where a secret is, and is none."""


@dataclass(frozen=True)
class Variables:
    """A deployment's variables, taken apart. kept: secrets whose stored value stays."""

    plain: Mapping[str, str]
    secret: Mapping[str, str] = field(repr=False)
    kept: tuple[str, ...] = ()

    @property
    def secret_names(self) -> tuple[str, ...]:
        return tuple(sorted({*self.secret, *self.kept}))


def looks_secret(name: str, value: str) -> bool:
    """Whether a variable is to be treated as a secret, by its name or by its value."""
    if not value or _REFERENCE.fullmatch(value):
        return False
    return bool(_NAME.search(name) or _ANYWHERE.search(name) or _VALUE.search(value)) or _holds_secret(value)


def separate(given: Mapping[str, str], stored: Mapping[str, str]) -> Variables:
    """Take variables apart. stored: the secrets that are kept already, by variable name; one that is brought
    back as the mask, or unchanged, stays. Raises BadArgument for a mask with nothing behind it."""
    plain: dict[str, str] = {}
    secret: dict[str, str] = {}
    kept: list[str] = []
    for name, value in given.items():
        if value == MASK:
            if name not in stored:
                raise BadArgument(
                    f"The variable {name} holds the mask {MASK}, and no value is stored for it.",
                    hint="Give its value, or leave the variable out.",
                    target=f"properties.environmentVariables.{name}",
                )
            kept.append(name)
        elif stored.get(name) == value:
            kept.append(name)
        elif looks_secret(name, value):
            secret[name] = value
        else:
            plain[name] = value
    return Variables(plain, secret, tuple(kept))


def _holds_secret(value: str) -> bool:
    """A JSON object, such as a connection, with a field that looks like a secret."""
    if not value.lstrip().startswith(("{", "[")):
        return False
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        return False
    return _has_secret_field(document)


def _has_secret_field(document: Any) -> bool:
    pending = [document]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            if _names_its_secrets(node):
                return True
            for name, value in node.items():
                if isinstance(value, str) and looks_secret(str(name), value):
                    return True
                pending.append(value)
    return False


def _names_its_secrets(node: dict[str, Any]) -> bool:
    """A connection in Azure ML's form, `{"value": {…}, "secret_keys": […]}`, says itself which fields are secret."""
    fields, keys = node.get("value"), node.get("secret_keys")
    if not isinstance(fields, dict) or not isinstance(keys, list):
        return False
    return any(fields.get(key) for key in keys if isinstance(key, str))
