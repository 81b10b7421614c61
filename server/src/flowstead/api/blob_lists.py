"""The list of a container, and the list of blocks that make a file: Azure Blob Storage's XML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from email.utils import format_datetime
from urllib.parse import quote
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from flowstead.errors import BadArgument
from flowstead.store.blob_listing import MAX_RESULTS, BlobPage
from flowstead.store.uploads import Blob, utc

MAX_BLOCK_LIST_BYTES = 8 * 1024 * 1024
"""Room for 50,000 blocks with the longest ids."""
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_METADATA_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def listing(url: str, container: str, query: Mapping[str, str], page: BlobPage) -> str:
    """`EnumerationResults`. url: of the account."""
    asked = [
        f"<{tag}>{escape(query[name])}</{tag}>"
        for tag, name in (
            ("Prefix", "prefix"), ("Marker", "marker"), ("MaxResults", "maxresults"), ("Delimiter", "delimiter")
        )
        if query.get(name)
    ]  # fmt: skip
    with_metadata = "metadata" in query.get("include", "").lower().split(",")
    items = "".join(_item(item, with_metadata=with_metadata) for item in page.items)
    return (
        f"{_DECLARATION}<EnumerationResults ServiceEndpoint={quoteattr(url)} ContainerName={quoteattr(container)}>"
        f"{''.join(asked)}<Blobs>{items}</Blobs><NextMarker>{escape(page.marker)}</NextMarker></EnumerationResults>"
    )


def page_size(query: Mapping[str, str]) -> int:
    """`maxresults`. Raises BadArgument."""
    given = query.get("maxresults", str(MAX_RESULTS))
    if not re.fullmatch(r"[0-9]{1,9}", given) or int(given) < 1:
        raise BadArgument(f"maxresults={given[:40]} is not a number of at least 1.", target="maxresults")
    return min(int(given), MAX_RESULTS)


def block_ids(body: bytes) -> Sequence[str]:
    """The ids of a block list, in their order. Raises BadArgument.

    `Committed` names blocks of the file as it is; those are not kept apart here, so there are none."""
    if b"<!" in body:
        raise BadArgument("A block list holds no declarations.", target="blocklist")  # no entities, no bomb
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 without declarations there is nothing to expand
    except ElementTree.ParseError as problem:
        raise BadArgument(f"The block list is not XML: {problem}.", target="blocklist") from None
    if root.tag != "BlockList" or any(block.tag not in ("Latest", "Uncommitted") for block in root):
        raise BadArgument("A block list holds Latest and Uncommitted blocks.", target="blocklist")
    return [(block.text or "").strip() for block in root]


def _item(item: Blob | str, *, with_metadata: bool) -> str:
    if isinstance(item, str):
        return f"<BlobPrefix>{_name(item)}</BlobPrefix>"
    md5 = f"<Content-MD5>{item.md5}</Content-MD5>" if item.md5 else ""
    metadata = _metadata(item) if with_metadata else ""
    return (
        f"<Blob>{_name(item.name)}<Properties>"
        f"<Last-Modified>{format_datetime(utc(item.modified_at), usegmt=True)}</Last-Modified>"
        f"<Etag>{escape(item.etag.strip(chr(34)))}</Etag><Content-Length>{item.size}</Content-Length>"
        f"<Content-Type>application/octet-stream</Content-Type>{md5}<BlobType>BlockBlob</BlobType>"
        f"</Properties>{metadata}</Blob>"
    )


def _name(name: str) -> str:
    if _NO_XML.search(name):
        return f'<Name Encoded="true">{quote(name)}</Name>'
    return f"<Name>{escape(name)}</Name>"


def _metadata(blob: Blob) -> str:
    entries = (
        f"<{name}>{escape(_NO_XML.sub('', value))}</{name}>"
        for name, value in blob.metadata.items()
        if _METADATA_NAME.fullmatch(name)
    )
    return f"<Metadata>{''.join(entries)}</Metadata>"
