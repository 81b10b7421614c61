"""Removes once a day what nothing uses any more, without being asked."""

from __future__ import annotations

import logging
from random import Random

from flowstead.api.context import Context
from flowstead.api.garbage_collection import collect

logger = logging.getLogger("flowstead")

BY = "system"
FIRST_AFTER_S = (600.0, 4200.0)
"""Within this time after the server's start, seconds: it shall not disturb that, and a server that is started each day
shall come to it."""
EVERY_S = (82_800.0, 90_000.0)
"""Within this time after the last one, seconds: a day, give or take half an hour."""
PATIENCE_S = 6 * 3600.0
"""How long it waits for a moment at which nothing is being changed, seconds. It would do no harm then, only take what
of the disk the change needs."""


class DailyCollection:
    """To be looked at again and again, by one thread."""

    def __init__(self, here: Context, random: Random) -> None:
        self._here, self._random = here, random
        self._due = here.clock.monotonic() + random.uniform(*FIRST_AFTER_S)

    def look(self) -> bool:
        """Collect if it is time to. Returns whether it did."""
        now = self._here.clock.monotonic()
        if now < self._due or (self._is_busy() and now < self._due + PATIENCE_S):
            return False
        self._due = now + self._random.uniform(*EVERY_S)
        removed = collect(self._here, BY)
        size = sum(each.size for each in removed)
        logger.info("Removed %d things that nothing uses, %.1f MiB.", len(removed), size / 2**20)
        return True

    def _is_busy(self) -> bool:
        with self._here.store.reading() as tx:
            return bool(tx.unsettled())
