"""Data collector: which inputs and outputs of a deployment are kept, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flowstead.resources.datastore import COLLECTED

MAX_COLLECTIONS = 5
"""Azure's bound for a deployment."""
COLLECTOR_VARIABLE = "FLOWSTEAD_DATA_COLLECTOR"
"""By which an instance is told what to collect, as the runtime has it; the deployment cannot set it."""


class RollingRate(StrEnum):
    """How long one folder is written to."""

    YEAR = "Year"
    MONTH = "Month"
    DAY = "Day"
    HOUR = "Hour"
    MINUTE = "Minute"


@dataclass(frozen=True)
class Collection:
    """sampling_rate: share of the requests that are kept, from 0 to 1. data_id: ARM id of the data asset's version that
    the records are read as; client_id: echoed, an identity that Azure would write with."""

    enabled: bool = False
    sampling_rate: float | None = None
    data_id: str = ""
    client_id: str = ""


@dataclass(frozen=True)
class DataCollector:
    """collections: by name. capture_headers: of requests, kept with their bodies."""

    collections: Mapping[str, Collection] = field(default_factory=dict)
    rolling_rate: RollingRate = RollingRate.HOUR
    capture_headers: tuple[str, ...] = ()

    @property
    def enabled(self) -> Mapping[str, Collection]:
        return {name: each for name, each in self.collections.items() if each.enabled}


def collected_path(endpoint: str, deployment: str, collection: str) -> str:
    """Where in the datastore a collection's records lie; Azure's layout."""
    return f"{COLLECTED}{endpoint}/{deployment}/{collection}"


def collected_asset(endpoint: str, deployment: str, collection: str) -> str:
    """The name of the data asset that a collection is read as, unless another is named; Azure's rule."""
    return f"{endpoint}-{deployment}-{collection}"
