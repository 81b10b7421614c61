"""What looks like a secret, and how a text is told without secrets. Pure.

The server keeps such variables sealed and the instance keeps them out of what it says, by this one rule.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "***"

_NAME = re.compile(
    r"(?i)(?:KEYS?|SECRETS?|TOKEN|PASSWORDS?|PASSWD|PASSPHRASE|PWD|CREDENTIALS?|AUTHORIZATION)$"
    r"|(?i:CONNECTION[_-]?STRING|CONN[_-]?STR|ENCODED_CONNECTIONS|OTLP_HEADERS|(?:^|[_-])(?:SAS|PAT))$"
)
"""The last word of a name says what it is: OPENAI_API_KEY is one, KEY_COUNT is not."""
_ANYWHERE = re.compile(r"(?i)(?:^|[_-])(?:SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|APIKEY|API_KEY)(?:[_-]|$)")
_VALUE = re.compile(
    r"\bsk-[A-Za-z0-9_-]{12,}"  # OpenAI and those who copy it
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}"  # GitHub
    r"|\b(?:github_pat_|hf_|npm_|glpat-|xox[a-z]-|sk_live_|rk_live_|dapi)[A-Za-z0-9_-]{16,}"
    r"|\bAIza[A-Za-z0-9_-]{30,}"  # Google
    r"|\beyJ[A-Za-z0-9_-]{10,999}\.[A-Za-z0-9_-]{10,}"  # a JWT
    r"|-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----"
    r"|\b[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s/@:]*:[^\s/@]+@"  # an address with a password
    r"|(?i:\b(?:AccountKey|SharedAccessKey|SharedAccessSignature|InstrumentationKey|Password|Pwd)\s*=\s*[^;\s])"
    r"|(?i:[?&](?:sig|code|api[_-]?key|token)=[^&\s])"
    r"|(?i:^\s*(?:bearer|basic)\s+\S{8,})"
)
_REFERENCE = re.compile(r"\s*\$\{\{?[^{}]*\}?\}\s*")
"""`${{azureml://connections/c/credentials/key}}`, `${c.api_key}`: says where a secret is, and is none."""


_PASSWORD = re.compile(
    r"://[^\s/@:]*:([^\s/@]+)@"
    r"|(?i:\b(?:AccountKey|SharedAccessKey|Password|Pwd)\s*=\s*([^;\s]+))"
    r"|(?i:[?&](?:sig|code|api[_-]?key|token)=([^&\s]+))"
    r"|(?i:^\s*(?:bearer|basic)\s+(\S{8,}))"
)
"""The part of an address, a connection string or a header that is the secret."""
_PLACES = ("PWD", "OLDPWD")
"""Where the shell is and was, though they end like a password's name."""
_SHORTEST = 4
"""Replacing shorter values (`1`, `on`) everywhere would only make the text unreadable."""


def looks_secret(name: str, value: str) -> bool:
    """Whether a variable is to be treated as a secret, by its name or by its value."""
    if not value or _REFERENCE.fullmatch(value) or (name in _PLACES and value.startswith("/")):
        return False
    by_itself = _NAME.search(name) or _ANYWHERE.search(name) or _VALUE.search(value)
    return bool(by_itself) or next(_secret_fields(value), None) is not None


def secret_parts(name: str, value: str) -> Iterator[str]:
    """What of a variable must not be said: the value, the fields of a JSON object, such as a connection, that look like
    secrets, the lines of each, the password or signature in an address, a connection string or a header. Nothing for a
    variable that does not look secret."""
    if not looks_secret(name, value):
        return
    for each in (value, *_secret_fields(value)):
        yield each
        yield from each.splitlines()
    for match in _PASSWORD.finditer(value):
        yield next(part for part in match.groups() if part)


def forms(value: str) -> set[str]:
    """The value itself; as it stands in a JSON text, and in one within another, with and without other than ASCII
    characters; as Python shows it, its ASCII form and its bytes, within either kind of quotes; as it stands in a page;
    as it stands in a URL, which is what HTTP clients put into their errors. For most secrets these are one and the
    same."""
    shown = [repr(value)[1:-1], ascii(value)[1:-1], repr(value.encode(errors="replace"))[2:-1]]
    shown = [form for each in shown for form in (each, each.replace("\\'", "'"), each.replace("'", "\\'"))]
    in_pages = (html.escape(value), html.escape(value, quote=False))
    texts = [value, json.dumps(value, ensure_ascii=False)[1:-1], json.dumps(value)[1:-1]]
    twice = [json.dumps(each)[1:-1] for each in texts]
    in_urls = [encoded(value, safe=safe, errors="replace") for encoded in (quote, quote_plus) for safe in ("", "/")]
    return {*texts, *twice, *shown, *in_pages, *in_urls}


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without those values, whatever their names, and without their parts, in any of their forms."""
    parts = {part for value in secrets for part in (value, *secret_parts("secret", value))}
    written = {form for part in parts if len(part.strip()) >= _SHORTEST for form in forms(part)}
    for form in sorted(written, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


def _secret_fields(value: str) -> Iterator[str]:
    """The fields of a JSON document that look like secrets; none when the value is no such document."""
    if not value.lstrip().startswith(("{", "[")):
        return
    try:
        pending: list[Any] = [json.loads(value)]
    except (ValueError, RecursionError):
        return
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            yield from _named_secrets(node)
            for name, item in node.items():
                if isinstance(item, str) and looks_secret(str(name), item):
                    yield item
                pending.append(item)


def _named_secrets(node: dict[str, Any]) -> Iterator[str]:
    """A connection in Azure ML's forms, `{"value": {…}, "secret_keys": […]}` and `{"credentials": {…}}`, says itself
    which fields are secret; so does a custom one with `secrets`."""
    for part in (node.get("credentials"), node.get("secrets")):
        keys = part.get("keys") if isinstance(part, dict) else None
        for fields in (part, keys):
            if isinstance(fields, dict):
                yield from (each for each in fields.values() if isinstance(each, str) and each)
    fields, keys = node.get("value"), node.get("secret_keys")
    if isinstance(fields, dict) and isinstance(keys, list):
        yield from (str(fields[key]) for key in keys if isinstance(key, str) and fields.get(key))
