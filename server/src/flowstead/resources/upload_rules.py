"""What can be uploaded: the bounds that the server keeps to and the client looks at before it sends anything."""

from __future__ import annotations

MAX_BLOB_BYTES = 256 * 1024 * 1024
"""Bound of one request that brings bytes: a whole file, or a block of one. Azure's clients send files above 64 MiB in
blocks of 4 MiB."""
MAX_FILE_BYTES = 5 * 1024**3
"""Bound of a file that is put together of blocks."""
MAX_BLOCKS = 50_000
"""Azure Blob Storage's bound of a file's blocks."""
MAX_WAITING_BLOCKS = 100_000
MAX_WAITING_BYTES = 8 * 1024**3
"""Bounds of all blocks together that no file has been made of yet."""
KEEP_BLOCKS_S = 24 * 3600.0
"""How long blocks wait for the others of their file, seconds. Azure keeps them for a week."""
MIN_FREE_BYTES = 512 * 1024 * 1024
"""What an upload leaves on the disk for everything else, and of a small disk this share."""
MIN_FREE_SHARE = 0.05
MAX_PATH_CHARACTERS = 1024
"""Azure Blob Storage's bound."""
MAX_FILES = 20_000
MAX_BYTES = 20 * 1024**3
"""Bounds of one registered folder."""
_MAX_SEGMENT_BYTES = 255
_MAX_DEPTH = 64


def path_problem(path: str) -> str:
    """What keeps this path, segments between slashes, from being a blob's, worded to follow its name; empty when
    nothing does."""
    segments = path.split("/")
    if len(path) > MAX_PATH_CHARACTERS or len(segments) > _MAX_DEPTH:
        return f"is longer than {MAX_PATH_CHARACTERS} characters or {_MAX_DEPTH} folders"
    for segment in segments:
        if segment in ("", ".", ".."):
            return "has an empty or relative part"
        if any(ord(character) < 32 or character in "\\\x7f" for character in segment):
            return "has a character that is not allowed (a backslash or a control character)"
        if any(0xD800 <= ord(character) <= 0xDFFF for character in segment):
            return "is not UTF-8"
        if len(segment.encode()) > _MAX_SEGMENT_BYTES:
            return f"has a part of more than {_MAX_SEGMENT_BYTES} bytes, which no file can be named by"
    return ""
