"""Tells, once, that a worker has ended though nobody wanted it to."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from flowstead.engines.protocol import ObservedInstance
from flowstead.reconcile.act import WRITE_PATIENCE_S
from flowstead.store import Store
from flowstead.store.records import DeploymentRecord

logger = logging.getLogger(__name__)


class InstanceEnds:
    """What happened before the first look is not told as if it happened now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: Mapping[str, float] | None = None

    def tell(self, deployments: Iterable[DeploymentRecord], instances: Sequence[ObservedInstance]) -> None:
        """One event for each end that is new. What cannot be written is tried again with the next look."""
        now = {each.id: each.last_end.at for each in instances if each.last_end is not None}
        known, ids = self._known, {each.uid: each.id for each in deployments}
        fresh = [
            each for each in instances if each.id in now and known is not None and known.get(each.id) != now[each.id]
        ]
        try:
            if fresh:
                with self._store.transaction(patience_s=WRITE_PATIENCE_S) as tx:
                    for each in fresh:
                        if each.last_end is not None and each.deployment_uid in ids:
                            where = ids[each.deployment_uid]
                            tx.journal.instance_ended(where, each.id, each.last_end.word, each.last_end.message)
        except Exception:
            logger.exception("The ends of %d workers could not be written down; it is tried again.", len(fresh))
            return
        self._known = now
