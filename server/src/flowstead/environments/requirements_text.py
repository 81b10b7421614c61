"""What a flow's requirements.txt may say, and what of it is handed to uv. Pure: text in, text out.

A build must not depend on files that its content address does not cover, nor read files of the host, so lines that
name local files are refused. pip's format: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

PROVIDED_BY_THE_RUNTIME = frozenset(
    {
        "promptflow",
        "promptflow-azure",
        "promptflow-core",
        "promptflow-devkit",
        "promptflow-tools",
        "promptflow-tracing",
    }
)
"""Distributions whose names the runtime serves itself; lines that ask for them are left out."""

_REMOTE_SCHEMES = frozenset({"http", "https", "git+http", "git+https", "git+ssh"})
_OPTION = re.compile(r"(?P<name>--[a-z-]+|-[a-z])(?:\s*=\s*|\s+|(?<=^-[a-z]))?(?P<value>.*)")
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?P<rest>.*)")
_INDEX = re.compile(r"\s*(?:--index-url\b\s*=?|-i\b)\s*")
_NO_BINARY = re.compile(r".*--no-binary\b")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_USER_INFO = re.compile(r"(?<=://)[^/\s@'\"]+@")
_QUERY = re.compile(r"(?<=[?&;])(?P<name>[\w.~%-]+=)(?P<value>[^&;#\s'\"<>)\]]+)")
"""A field in the query of an address: a signature, a token, or nothing of the kind; its name does not tell for sure."""
_ADDRESS = re.compile(r"://[^\s'\"#]+")
_ARCHIVE_ENDINGS = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

_FORBIDDEN_OPTIONS = {
    **dict.fromkeys(("-r", "--requirement"), "the file is not a part of the flow"),
    **dict.fromkeys(("-c", "--constraint"), "constraints in another file are not supported; write the versions here"),
    **dict.fromkeys(("-e", "--editable"), "an editable install points to files that the environment does not hold"),
}
_URL_OPTIONS = frozenset({"-i", "--index-url", "--extra-index-url", "-f", "--find-links"})


class RequirementsRefused(Exception):
    """A line that cannot be built from. line: its number, from 1; text: the line, credentials redacted."""

    def __init__(self, line: int, text: str, reason: str) -> None:
        self.line, self.text, self.reason = line, redact(text), reason
        super().__init__(f"Line {line} of requirements.txt, `{self.text}`, is refused: {reason}.")


@dataclass(frozen=True)
class Requirements:
    """A checked requirements.txt, in the pieces that uv's commands need.

    text: the whole, with provided lines blank, so that line numbers stay true. options: its option lines. wants_source:
    packages are to be built from source though they have wheels. hashed: requirements with `--hash`, which the resolver
    does not carry over. prerelease: `--pre` was given. insecure_hosts: of `--trusted-host`. secrets: credentials found
    in addresses.
    """

    text: str = field(repr=False)
    asks_for_anything: bool
    options: tuple[str, ...] = field(default=(), repr=False)
    hashed: tuple[str, ...] = ()
    prerelease: bool = False
    wants_source: bool = False
    insecure_hosts: tuple[str, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def __add__(self, other: Requirements) -> Requirements:
        """Both, this one first. uv takes one `--index-url`: this one's becomes another index when the other has one
        too."""
        text, options = self.text, self.options
        if any(map(is_index, other.options)):
            text = "".join(f"{as_extra_index(line)}\n" for line in text.splitlines())
            options = tuple(map(as_extra_index, options))
        return Requirements(
            text=text + other.text,
            asks_for_anything=self.asks_for_anything or other.asks_for_anything,
            options=options + other.options,
            hashed=self.hashed + other.hashed,
            prerelease=self.prerelease or other.prerelease,
            wants_source=self.wants_source or other.wants_source,
            insecure_hosts=self.insecure_hosts + other.insecure_hosts,
            secrets=tuple(sorted((*self.secrets, *other.secrets), key=len, reverse=True)),
        )


def check(text: str) -> Requirements:
    """Take a requirements.txt apart. Raises RequirementsRefused."""
    kept: list[str] = []
    options: list[str] = []
    hashed: list[str] = []
    prerelease, insecure, asks = False, [], False
    for number, line in _logical_lines(text):
        kept.extend([""] * (number - 1 - len(kept)))
        if _VARIABLE.search(line):
            raise RequirementsRefused(number, line, "the build has no variables of the host to put there")
        if line.startswith("-"):
            name, value = _check_option(number, line)
            if name == "--pre":
                prerelease = True
            elif name == "--trusted-host":
                insecure.append(value)
            else:
                options.append(line)
                kept.append(line)
            continue
        if _is_provided(line):
            continue
        _check_requirement(number, line)
        asks = True
        kept.append(line)
        if " --hash" in line:
            hashed.append(line)
    return Requirements(
        text="\n".join(kept) + "\n" if kept else "",
        asks_for_anything=asks,
        options=tuple(options),
        hashed=tuple(hashed),
        prerelease=prerelease,
        wants_source=any(_NO_BINARY.match(each) for each in (*options, *kept)),
        insecure_hosts=tuple(insecure),
        secrets=credentials_in(text),
    )


def is_index(line: str) -> bool:
    """Whether it is an `--index-url` line."""
    return _INDEX.match(line) is not None


def as_extra_index(line: str) -> str:
    """An `--index-url` line as `--extra-index-url`; others as they are."""
    return _INDEX.sub("--extra-index-url ", line)


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """The text without the credentials and the queries of the addresses in it, and without the given secrets."""
    text = _USER_INFO.sub("***@", text)
    text = _ADDRESS.sub(lambda address: _QUERY.sub(r"\g<name>***", address.group()), text)
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def credentials_in(text: str) -> tuple[str, ...]:
    """User names, passwords and values of queries in the addresses of a text, as written and decoded, longest
    first."""
    found: set[str] = set()
    for match in _USER_INFO.finditer(text):
        for part in match.group()[:-1].split(":"):
            found.update((part, unquote(part)))
    for value in _query_values(text):
        found.update((value, unquote(value)))
    # Replacing a short user name such as `git` everywhere would only make the text unreadable.
    return tuple(sorted((each for each in found if len(each) >= 6), key=lambda each: (-len(each), each)))


def _query_values(text: str) -> Iterator[str]:
    for address in _ADDRESS.finditer(text):
        yield from (match["value"] for match in _QUERY.finditer(address.group()))


def has_credentials(text: str) -> bool:
    """Whether an address in it has a password, a query such as a signature, or a user by whose name alone somebody gets
    in: `git@` is none such."""
    names = [match.group()[:-1] for match in _USER_INFO.finditer(text)]
    return bool(credentials_in(text)) or any(":" in name for name in names)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number of the first physical line, line without comment), continuations joined, empty ones left out."""
    pending, start = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        start = start if pending else number
        if raw.rstrip().endswith("\\") and not raw.lstrip().startswith("#"):
            pending += raw.rstrip()[:-1].rstrip() + " "
            continue
        line = re.sub(r"(^|\s)#.*$", "", pending + raw.strip()).strip()
        pending = ""
        if line:
            yield start, line
    if pending.strip():
        yield start, pending.strip()


def _check_option(number: int, line: str) -> tuple[str, str]:
    match = _OPTION.match(line)
    name, value = (match["name"], match["value"].strip()) if match else (line, "")
    if name in _FORBIDDEN_OPTIONS:
        raise RequirementsRefused(number, line, _FORBIDDEN_OPTIONS[name])
    if name in _URL_OPTIONS and urlsplit(value.strip("'\"")).scheme not in ("http", "https"):
        raise RequirementsRefused(number, line, "only an http or https address can be searched for packages")
    return name, value


def _is_provided(line: str) -> bool:
    match = _NAMED.match(line)
    if match is None or canonicalize_name(match["name"]) not in PROVIDED_BY_THE_RUNTIME:
        return False
    return not match["rest"] or match["rest"][0] in "=<>!~@;( -"


def _check_requirement(number: int, line: str) -> None:
    """Let pass what names a package or a remote address. What is neither, uv explains better than we could."""
    body = line.partition(" --")[0]
    named = _NAMED.match(body)
    address = named["rest"][1:].strip() if named and named["rest"].startswith("@") else ""
    if not address and (_looks_like_path(body) or "://" in body or body.startswith("file:")):
        address = body
    if not address:
        return
    scheme = urlsplit(address).scheme.lower()
    if scheme not in _REMOTE_SCHEMES:
        raise RequirementsRefused(number, line, "a package on this machine is not a part of the environment")


def _looks_like_path(body: str) -> bool:
    place = body.partition(";")[0].strip()
    if "://" in place:
        return False
    return place[0] in "./~" or "/" in place or "\\" in place or place.lower().endswith(_ARCHIVE_ENDINGS)
