"""A reconciler's world with one deployment whose number of instances follows something."""

from __future__ import annotations

from typing import Any

from flowstead.api.deployment_bodies import show
from flowstead.store.records import AuditRecord
from flowstead.testing.reconciler_world import ReconcilerWorld


class ScaledWorld(ReconcilerWorld):
    def passes(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1.0)
            self.reconciler.tick()

    @property
    def shown(self) -> dict[str, Any]:
        return show(self.there())

    @property
    def stands(self) -> tuple[int, int, str]:
        """Instances as shown and as there are, and the state."""
        return (
            self.shown["sku"]["capacity"],
            len(self.engine.instances),
            self.shown["properties"]["provisioningState"],
        )

    def audited(self) -> list[AuditRecord]:
        with self.store.reading() as tx:
            return [each for each in tx.audit() if each.action == "scale"]
