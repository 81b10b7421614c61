"""The portal: web pages that use nothing but this API. Their addresses begin with `/portal/`, so that no page of theirs
has an address that an endpoint or the API has."""

from __future__ import annotations

import mimetypes
import secrets
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from flowstead.errors import PortalMissing, ResourceNotFound

router = APIRouter(tags=["portal"], include_in_schema=False)
_READ = ["GET", "HEAD"]
_BUILT = files("flowstead") / "portal"
_PAGE, _ASSETS = "index.html", "assets/"
_FOR_EVER = "public, max-age=31536000, immutable"
"""Of files whose names hold the hash of what they hold."""
_A_WHILE = "public, max-age=3600"
_NONCE = "{{nonce}}"


@dataclass(frozen=True)
class _File:
    """compressed: with gzip, None where that is not worth it."""

    body: bytes
    compressed: bytes | None
    media_type: str


@router.api_route("/", methods=_READ, response_class=Response)
def to_portal() -> RedirectResponse:
    return RedirectResponse("/portal/")


@router.api_route("/signin", methods=_READ, response_class=Response)
@router.api_route("/portal", methods=_READ, response_class=Response)
@router.api_route("/portal/", methods=_READ, response_class=Response)
def portal() -> Response:
    """The page of all addresses below; it redeems one-time links too, whose code is in the fragment, which browsers
    send to nobody."""
    return _page()


@router.api_route("/portal/{path:path}", methods=_READ, response_class=Response)
def portal_file(path: str, request: Request) -> Response:
    """A file of the portal, or its page for an address within it. Raises ResourceNotFound for a missing file."""
    found = None if path == _PAGE else _files().get(path)
    if found is None:
        if path.startswith(_ASSETS):
            raise ResourceNotFound("This file belongs to another version of the portal.", hint="Load the page again.")
        return _page()
    headers = {"Cache-Control": _FOR_EVER if path.startswith(_ASSETS) else _A_WHILE, "Vary": "Accept-Encoding"}
    if found.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(found.compressed, media_type=found.media_type, headers=headers)
    return Response(found.body, media_type=found.media_type, headers=headers)


def _page() -> Response:
    page = _files()[_PAGE]
    # Fluent UI writes its styles while the page runs; the nonce lets in those and no others.
    nonce = secrets.token_urlsafe(16)
    headers = {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; "
        f"style-src 'self' 'nonce-{nonce}'; connect-src 'self'; "
        "img-src 'self' data: blob:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    return Response(page.body.decode().replace(_NONCE, nonce), media_type="text/html", headers=headers)


@cache
def _files() -> dict[str, _File]:
    """Path → file, read once; they are some two megabytes. Raises PortalMissing as long as they are not built."""
    if not (_BUILT / _PAGE).is_file():
        raise PortalMissing
    found: dict[str, _File] = {}
    folders = [("", _BUILT)]
    while folders:
        prefix, folder = folders.pop()
        for each in folder.iterdir():
            path = f"{prefix}{each.name}"
            if each.is_dir():
                folders.append((f"{path}/", each))
            elif not each.name.endswith(".gz"):
                compressed = folder / f"{each.name}.gz"
                kind = mimetypes.guess_type(each.name)[0] or "application/octet-stream"
                found[path] = _File(each.read_bytes(), compressed.read_bytes() if compressed.is_file() else None, kind)
    return found
