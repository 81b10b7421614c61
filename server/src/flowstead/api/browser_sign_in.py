"""Signing in with a browser: its session, one-time links."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from flowstead.api.bodies import Body
from flowstead.api.browser_sessions import SignedIn
from flowstead.api.browsers import address_of, check_same_origin
from flowstead.api.callers import Caller
from flowstead.api.context import Context, Here
from flowstead.api.role_bodies import show_permission
from flowstead.api.token_answers import show_token
from flowstead.errors import BadArgument, Unauthorized, UnsupportedMediaType
from flowstead.resources.browser_session import CODE_LIFETIME, BrowserSession
from flowstead.resources.clock import iso
from flowstead.resources.origin import ORIGIN, Origin

router = APIRouter(tags=["browser sign-in"])
_LONGEST_CODE, _LONGEST_TOKEN = 200, 20_000


class SignInBody(Body):
    """One of them. code: of a one-time link; token: of a principal, for the management API."""

    code: str = Field("", max_length=_LONGEST_CODE)
    token: str = Field("", max_length=_LONGEST_TOKEN)


async def caller_of(request: Request, here: Here) -> Caller:
    """Anybody who is known, whatever his roles: what is asked for is his own."""
    caller = await to_thread.run_sync(here.callers.recognise, request.headers)
    ORIGIN.set(Origin(request.state.request_id, caller.principal.object_id))
    return caller


Known = Annotated[Caller, Depends(caller_of)]


@router.post("/signin")
def sign_in(body: SignInBody, request: Request, here: Here) -> JSONResponse:
    """Begin a session with the code of a one-time link, or with a token. From then on its cookie stands in for a token,
    together with `X-CSRF-Token`, whose value only this answer tells. A session that the browser had ends."""
    _check_is_json(request)
    check_same_origin(request.headers, here.settings)
    if bool(body.code) == bool(body.token):
        raise BadArgument("Give either a code or a token.", target="code")
    cookie = here.callers.cookie(request.headers)
    signed_in = _signed_in(body, request, here, replacing=_own(cookie.read, request))
    shown = _show(Caller(signed_in.principal, signed_in)) | {"csrfToken": signed_in.csrf_token}
    answer = JSONResponse(shown)
    cookie.give(answer, signed_in.secret)
    return answer


@router.post("/signout", status_code=204)
def sign_out(request: Request, here: Here) -> Response:
    """End the session whose cookie comes with the request. 204 without one too, or when it has ended."""
    check_same_origin(request.headers, here.settings)
    cookie = here.callers.cookie(request.headers)
    try:
        caller = here.callers.recognise(request.headers)
    except Unauthorized:
        caller = None
    if caller is not None and caller.signed_in is not None:
        here.browser_sessions.end(caller.principal, caller.signed_in.session.id)
    answer = Response(status_code=204)
    cookie.take(answer)
    return answer


@router.get("/session")
def show_session(caller: Known) -> dict[str, Any]:
    """Who is calling; a browser, with its session."""
    return _show(caller)


@router.get("/session/permissions")
def list_own_permissions(caller: Known) -> dict[str, Any]:
    """What the caller's roles let him do, each with the scope that it was granted on: it holds there and below. For
    pages that do not offer what would be refused."""
    grants = caller.principal.grants
    return {
        "value": [
            {"scope": each.scope, "roleName": each.role.role_name, **show_permission(each.role)} for each in grants
        ]
    }


@router.post("/session/endpointToken")
def session_endpoint_token(caller: Known, here: Here) -> dict[str, Any]:
    """A token of the caller's own that opens endpoints with the authentication mode AADToken, as far as his roles allow
    it. For pages of ours: they have no secret to get one with."""
    if caller.signed_in is None:
        raise BadArgument(
            "Only a browser's session gets a token here.",
            hint="Ask the token endpoint for one with scope=https://ml.azure.com/.default.",
        )
    return show_token(here.access.entra_token(caller.principal))


@router.get("/sessions")
def list_sessions(caller: Known, here: Here) -> dict[str, Any]:
    """The caller's sessions in all browsers, the newest first."""
    return {"value": [_show_session(each) for each in here.browser_sessions.of(caller.principal)]}


@router.delete("/sessions/{id}", status_code=204)
def end_session(id: str, caller: Known, here: Here) -> Response:
    """End one of the caller's sessions."""
    here.browser_sessions.end(caller.principal, id)
    return Response(status_code=204)


@router.post("/signin/links", status_code=201)
def make_sign_in_link(caller: Known, here: Here) -> JSONResponse:
    """A link that signs the caller in with a browser, once, within ten minutes."""
    code = here.browser_sessions.make_code(caller.principal)
    link = {"url": f"{here.base_url}/signin#code={code}", "endsAt": iso(here.clock.now() + CODE_LIFETIME)}
    return JSONResponse(link, status_code=201)


def _check_is_json(request: Request) -> None:
    """Forms and pages of other origins cannot say so without being asked first."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMediaType(f"The body is {kind[:80]!r}, and JSON is expected.", target="Content-Type")


def _signed_in(body: SignInBody, request: Request, here: Context, *, replacing: str) -> SignedIn:
    client, sessions = request.headers.get("user-agent", ""), here.browser_sessions
    with sessions.attempt(address_of(request.headers)):
        if body.code:
            return sessions.redeem(body.code, client=client, replacing=replacing)
        principal = here.access.recognise(f"Bearer {body.token}")
    return sessions.start(principal, client=client, replacing=replacing)


def _own(read: Any, request: Request) -> str:
    """The session that the browser has; who has two signs in anew all the same."""
    try:
        return str(read(request.headers))
    except Unauthorized:
        return ""


def _show(caller: Caller) -> dict[str, Any]:
    principal = caller.principal
    shown: dict[str, Any] = {
        "principal": {
            "name": principal.name,
            "type": principal.type.value,
            "principalId": principal.object_id,
            "tenantId": principal.tenant_id,
            **({"issuer": principal.issuer} if principal.issuer else {}),
        }
    }
    if caller.signed_in is not None:
        shown["session"] = _show_session(caller.signed_in.session)
    return shown


def _show_session(session: BrowserSession) -> dict[str, Any]:
    return {
        "id": session.id,
        "client": session.client,
        "createdAt": session.created_at,
        "usedAt": session.used_at,
        "endsAt": session.ends_at,
    }
