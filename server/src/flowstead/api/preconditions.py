"""`If-Match` and `If-None-Match`: as parameters, and checked for what is no resource of its own. Pure."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from flowstead.errors import PreconditionFailed

IfMatch = Annotated[str | None, Header(alias="If-Match")]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match")]


def check_match(etag: str | None, if_match: str | None, if_none_match: str | None, spoken: str) -> None:
    """etag: of what is there, None when nothing is. Raises PreconditionFailed."""
    if if_match is not None and not names(if_match, etag):
        what = "has changed since it was read" if etag else "is not there any more"
        raise PreconditionFailed(f"{spoken} {what}.", target=spoken)
    if if_none_match is not None and names(if_none_match, etag):
        raise PreconditionFailed(f"{spoken} is there already.", hint="Read it, and send its ETag as If-Match.")


def names(header: str, etag: str | None) -> bool:
    """Whether the header's list has this tag; `*` has every one that is there."""
    if etag is None:
        return False
    listed = [each.strip().removeprefix("W/") for each in header.split(",")]
    return "*" in listed or etag in listed
