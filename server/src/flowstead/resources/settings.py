"""What `flowstead up` was started with."""

from __future__ import annotations

from dataclasses import dataclass

from flowstead.resources.sizes import DEFAULT_QUOTA_CORES


@dataclass(frozen=True)
class ServerSettings:
    """public_url: what URLs that we hand out begin with, no trailing slash. quota_cores: for all deployments."""

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = "http://127.0.0.1:8080"
    quota_cores: int = DEFAULT_QUOTA_CORES

    def scoring_uri(self, endpoint: str) -> str:
        return f"{self.public_url}/endpoints/{endpoint}/score"

    def swagger_uri(self, endpoint: str) -> str:
        return f"{self.public_url}/endpoints/{endpoint}/swagger.json"
