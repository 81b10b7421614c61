"""The keys that sign tokens: which they are, and a new one in their place."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from flowstead.access import Access
from flowstead.access.issuer_keys import IssuerKeys
from flowstead.access.tokens import ROTATED_AFTER
from flowstead.api.bodies import Body
from flowstead.api.context import Here, Needs
from flowstead.errors import FlowsteadError
from flowstead.resources.clock import iso
from flowstead.resources.names import Workspace
from flowstead.resources.principal import Principal
from flowstead.resources.role import AUTHORIZATION
from flowstead.store import Store

_ACCESS = "/subscriptions/{subscription}/providers/Flowstead.Access"
router = APIRouter(tags=["issuer"])


class RotationBody(Body):
    """endTokens: all tokens that are there end at once, as they must when a key has become known."""

    end_tokens: bool = False


@router.get(f"{_ACCESS}/issuerKeys", dependencies=[Depends(Needs("issuerKeys/read", AUTHORIZATION))])
def show_issuer_keys(here: Here) -> dict[str, Any]:
    """Which key signs, since when, and which ones before it still verify. Never the keys."""
    return _shown(here.access, here.access.issuer.keys)


@router.post(f"{_ACCESS}/rotateIssuerKey")
def rotate_issuer_key(
    here: Here,
    # An action of a kind that Contributor has not: the one who rotates may end everybody's tokens.
    caller: Annotated[Principal, Depends(Needs("issuerKeys/write", AUTHORIZATION))],
    body: RotationBody | None = None,
) -> dict[str, Any]:
    """Sign tokens with a new key from now on. Those that are there stay good until they end; with `endTokens` all of
    them end at once, and everybody signs in again."""
    end_tokens = body is not None and body.end_tokens
    keys = rotate(here.store, here.access, caller.name, end_tokens=end_tokens)
    if end_tokens:
        # Whoever had the key could make a token, and sign in with that.
        here.browser_sessions.end_all()
    return _shown(here.access, keys)


def rotate(store: Store, access: Access, by: str, *, end_tokens: bool = False) -> IssuerKeys:
    """With its audit record, which is there before anything happens. Raises what `Access.rotate_key` raises."""
    resource = f"{Workspace().subscription_path}/providers/Flowstead.Access/issuerKeys"
    before = access.issuer.key_id
    with store.transaction() as tx:
        asked = {"keyId": before, "endTokens": end_tokens}
        number = tx.journal.record(by, "rotateIssuerKey", resource, before=asked, begun=True)
    try:
        keys = access.rotate_key(end_tokens=end_tokens)
    except Exception as failure:
        error = failure if isinstance(failure, FlowsteadError) else FlowsteadError("The keys could not be kept.")
        with store.transaction() as tx:
            tx.journal.conclude(number, f"{access.issuer.key_id} signs", error.as_body())
        raise
    with store.transaction() as tx:
        tx.journal.conclude(number, f"{before} → {keys.id}")
    return keys


def _shown(access: Access, keys: IssuerKeys) -> dict[str, Any]:
    return {
        "issuer": access.issuer_url,
        "keyId": keys.id,
        "since": iso(keys.since),
        "rotatesAt": iso(keys.since + ROTATED_AFTER),
        "former": [{"keyId": each.id, "until": iso(each.until)} for each in keys.former if each.id in keys.by_id],
    }
