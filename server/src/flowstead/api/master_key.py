"""The key under which secrets are sealed: which it is, and another one in its place."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from flowstead.api.context import SITE, Here, Needs
from flowstead.resources.principal import Principal
from flowstead.resources.role import AUTHORIZATION

router = APIRouter(tags=["master key"])


@router.get(SITE + "/masterKey", dependencies=[Depends(Needs("masterKey/read", AUTHORIZATION))])
def show_master_key(here: Here) -> dict[str, Any]:
    """Its id, where it comes from, since when, and how many secrets are sealed under it. Never the key."""
    return here.store.master_key().as_body()


@router.post(SITE + "/rotateMasterKey")
def rotate_master_key(
    here: Here, caller: Annotated[Principal, Depends(Needs("masterKey/write", AUTHORIZATION))]
) -> dict[str, Any]:
    """Seal every secret under another key: a new one when the home keeps it, else the one that its source has now.
    Instances, endpoint keys and tokens stay; upload signatures that were handed out end."""
    return here.store.rotate_master_key(caller.name, here.workspace.path).as_body()
