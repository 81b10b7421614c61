"""`If-Match` and `If-None-Match`: what a caller says that a resource must be before it is changed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header

from flowstead.errors import PreconditionFailed
from flowstead.store.records import AnyRecord

IfMatch = Annotated[str | None, Header(alias="If-Match")]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match")]


@dataclass(frozen=True)
class Preconditions:
    """Of one request. Checked in the transaction that makes the change: of callers that meet, one wins."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, before: AnyRecord | None, spoken: str) -> None:
        """before: the resource as it is, None when there is none. spoken: what the message calls it. Raises
        PreconditionFailed."""
        check_match(before.etag if before else None, self.if_match, self.if_none_match, spoken)


def replaceable(if_match: IfMatch = None, if_none_match: IfNoneMatch = None) -> Preconditions:
    """Of a PUT."""
    return Preconditions(if_match, if_none_match)


def changeable(if_match: IfMatch = None) -> Preconditions:
    """Of a request on what must be there already."""
    return Preconditions(if_match)


ForPut = Annotated[Preconditions, Depends(replaceable)]
ForChange = Annotated[Preconditions, Depends(changeable)]
READERS = (replaceable, changeable)
"""Every way in which a route takes its preconditions."""


def check_match(etag: str | None, if_match: str | None, if_none_match: str | None, spoken: str) -> None:
    """etag: of what is there, None when nothing is. Raises PreconditionFailed."""
    if if_match is not None and etag is None:
        raise PreconditionFailed(
            f"{spoken} is not there.", hint="Send the request without If-Match to create it.", target=spoken
        )
    if if_match is not None and not names(if_match, etag):
        raise PreconditionFailed(f"{spoken} has changed since it was read.", target=spoken)
    if if_none_match is not None and names(if_none_match, etag):
        raise PreconditionFailed(f"{spoken} is there already.", hint="Read it, and send its ETag as If-Match.")


def names(header: str, etag: str | None) -> bool:
    """Whether the header's list has this tag; `*` has every one that is there."""
    if etag is None:
        return False
    listed = [each.strip().removeprefix("W/") for each in header.split(",")]
    return "*" in listed or etag in listed
