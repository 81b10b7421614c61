"""What was measured in one stretch of time, whatever was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """begins: Unix seconds. weight: how much was measured, 0 for a stretch that was looked at and in which there was
    nothing; total: its weighted sum; least, most: of single values."""

    begins: int
    total: float = 0.0
    weight: float = 0.0
    least: float = math.inf
    most: float = -math.inf

    @property
    def average(self) -> float | None:
        return self.total / self.weight if self.weight > 0 else None


def of_one(begins: int, value: float, weight: float = 1.0) -> Span:
    return Span(begins, value * weight, weight, value, value)


def joined(spans: Sequence[Span]) -> Span:
    """As if they were one; it begins when the first does."""
    return Span(
        min(each.begins for each in spans),
        math.fsum(each.total for each in spans),
        math.fsum(each.weight for each in spans),
        min(each.least for each in spans),
        max(each.most for each in spans),
    )
