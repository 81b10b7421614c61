"""A gateway that remembers what it was told."""

from __future__ import annotations

from collections.abc import Sequence

from flowstead.errors import GatewayUpdateFailed
from flowstead.gateway.description import GatewayDeployment, GatewayEndpoint


class InMemoryGateway:
    """Takes every description, unless it is down. published: the last one; history: all of them, in order.
    lost: nobody supervises it; the next `keep_running` brings it back."""

    def __init__(self) -> None:
        self.down = False
        self.lost = False
        self.history: list[tuple[GatewayEndpoint, ...]] = []

    @property
    def published(self) -> tuple[GatewayEndpoint, ...]:
        return self.history[-1] if self.history else ()

    def keep_running(self) -> None:
        self.lost = False

    def publish(self, endpoints: Sequence[GatewayEndpoint]) -> None:
        """Make these the routes. Raises GatewayUpdateFailed while it is down."""
        if self.down:
            raise GatewayUpdateFailed("The gateway is down.")
        self.history.append(tuple(endpoints))

    def endpoint(self, name: str) -> GatewayEndpoint | None:
        """What it serves under that name."""
        return next((each for each in self.published if each.name == name), None)

    def deployment(self, endpoint: str, name: str) -> GatewayDeployment | None:
        found = self.endpoint(endpoint)
        return next((each for each in found.deployments if each.name == name), None) if found else None
