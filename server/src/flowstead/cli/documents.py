"""From `-f FILE`, `--set` and single options to one document."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from flowstead.azure_yaml import Document, empty_document, read_document
from flowstead.azure_yaml.tree import tree_of
from flowstead.errors import BadArgument

Options = Mapping[str, str | None]


def document_from(file: Path | None, sets: Sequence[str] | None, options: Options) -> Document:
    """The file's values, then those of --set, then those of options, later ones winning. Raises BadArgument."""
    return overridden(read_document(file) if file else empty_document(), sets, options)


def document_written(written: str) -> Document:
    """A file's, by its path or as `@PATH`, or that of the JSON itself, as `az` takes such options. Raises
    BadArgument."""
    if written.lstrip().startswith("{"):
        return Document(tree_of(written, "command line"), None)
    return read_document(Path(written.removeprefix("@")))


def overridden(document: Document, sets: Sequence[str] | None, options: Options) -> Document:
    """The document's values, then those of --set, then those of options. Raises BadArgument."""
    for written in sets or ():
        key, equals, value = written.partition("=")
        if not equals:
            raise BadArgument(f"--set {written}: there is no `=`.", hint="Write --set KEY=VALUE.")
        document = document.with_value(key.strip(), value)
    for key, given in options.items():
        if given is not None:
            document = document.with_text(key, given)
    return document


def pairs(written: Sequence[str] | None, option: str) -> dict[str, str]:
    """`["a=1", "b=2"]` → a mapping. Raises BadArgument naming the option."""
    found: dict[str, str] = {}
    for each in written or ():
        name, equals, value = each.partition("=")
        if not equals or not name.strip():
            raise BadArgument(f"{option} {each}: a name and a value are expected.", hint=f"Write {option} NAME=VALUE.")
        found[name.strip()] = value
    return found


def warn(notes: Iterable[str]) -> None:
    """Say on stderr what a file says that nothing follows from."""
    for note in notes:
        print(f"warning: {note}", file=sys.stderr)


def wanted_name(found: str, what: str) -> str:
    """The name, or BadArgument when neither file nor option gives one."""
    if not found:
        raise BadArgument(f"The {what} has no name.", hint="Write `name:` into the file, or add --name.")
    return found
