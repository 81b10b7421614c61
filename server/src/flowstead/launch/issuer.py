"""The keys that sign tokens, looked after as long as the server runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from flowstead.access import Access
from flowstead.api.issuer_keys import rotate
from flowstead.errors import FlowsteadError
from flowstead.launch.looking import looked_at
from flowstead.store import Store

logger = logging.getLogger("flowstead")

_LOOK_EVERY_S = 600.0
"""How often to see whether a key is due, or whether one before has no tokens any more, seconds."""


@contextmanager
def trusted(access: Access, store: Store, *, look_every_s: float = _LOOK_EVERY_S) -> Iterator[None]:
    """The gateway knows the issuer's keys when the block begins, and as long as it lasts a key that has signed for long
    enough gets a successor."""

    def look() -> None:
        try:
            if access.issuer.is_due:
                rotate(store, access, "flowstead")
            access.issuer.forget_ended()
            # Again each time: the gateway may not have heard of the keys when they changed.
            access.announce_keys()
        except (OSError, FlowsteadError):
            logger.exception("The keys that sign tokens could not be looked after; it is tried again.")

    look()
    with looked_at("the keys that sign tokens", look, every_s=look_every_s):
        yield
