"""How an image with a server of its own is reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Inference:
    """Paths, and the port on which the image's server listens for all of them."""

    port: int
    liveness_path: str
    readiness_path: str
    scoring_path: str
