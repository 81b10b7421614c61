"""A YAML file on its way to a REST body: its values, over which those of the command line win."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flowstead.azure_yaml.entry import AMONG_OPTIONS, Entry, below
from flowstead.azure_yaml.overrides import replaced, steps_of
from flowstead.azure_yaml.tree import MAX_BYTES, tree_of, value_of
from flowstead.errors import BadArgument
from flowstead.resources.named_file import read_named


@dataclass(frozen=True)
class Document:
    """file: None when there is only what the command line says. directory: what relative paths start from."""

    top: Entry
    file: Path | None
    directory: Path = field(default_factory=Path.cwd)

    def with_value(self, path: str, text: str) -> Document:
        """The same with `a.b[0].c` replaced or added, as `--set a.b[0].c=TEXT` says. Raises BadArgument."""
        return replace(self, top=replaced(self.top, steps_of(path), value_of(text, path)))

    def with_text(self, key: str, text: str) -> Document:
        """The same with one key of the top replaced by a text that is taken as it is, as an option gives it."""
        return replace(self, top=replaced(self.top, [key], Entry(text, text, AMONG_OPTIONS, key)))

    def with_texts(self, key: str, texts: Mapping[str, str]) -> Document:
        """The same with these texts below a key of the top, beside what is there, as `--tags a=b` gives them."""
        top = self.top
        for name, text in texts.items():
            top = replaced(top, [key, name], Entry(text, text, AMONG_OPTIONS, below(key, name)))
        return replace(self, top=top)


def read_document(file: Path) -> Document:
    """Read a YAML (or JSON) file whose top is a mapping. Raises BadArgument, naming file and line."""
    top = tree_of(text_of(file), str(file))
    if not isinstance(top.value, Mapping):
        raise top.wrong("a mapping of keys to values is expected.")
    return Document(top, file, file.absolute().parent)


def text_of(file: Path) -> str:
    """The text of a file that is not larger than any YAML should be. Raises BadArgument."""
    content = read_named(file, MAX_BYTES, hint="Name an existing YAML file.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadArgument(f"{file} is not UTF-8 text.", hint="Name a YAML file.") from None


def empty_document() -> Document:
    """For a command that was given its values as options."""
    return Document(Entry({}, "", AMONG_OPTIONS, ""), None)


def document_of(shown: Mapping[str, Any], name: str) -> Document:
    """What `show` prints, as if it were read from a file; `update` changes it and sends it back. name: what errors
    call it."""
    return Document(_entry(shown, name, ""), None)


def _entry(value: Any, origin: str, path: str) -> Entry:
    if isinstance(value, Mapping):
        children = {str(key): _entry(child, origin, below(path, str(key))) for key, child in value.items()}
        return Entry(children, "", origin, path)
    if isinstance(value, list):
        return Entry([_entry(item, origin, below(path, index)) for index, item in enumerate(value)], "", origin, path)
    text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    return Entry(value, text, origin, path)
