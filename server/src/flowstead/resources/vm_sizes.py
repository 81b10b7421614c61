"""Sizes of instances, with what an instance of each has: small ones of our own, and those that Azure's managed online
endpoints offer.

Azure's numbers are those of its pages on managed online endpoint SKUs and on each VM series.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VmSize:
    """cores, memory_gib: of the whole instance; a fraction of a core is a share of its time. gpus: whole
    accelerators."""

    name: str
    cores: float
    memory_gib: float
    gpus: int = 0

    @property
    def memory_bytes(self) -> int:
        return int(self.memory_gib * (1 << 30))


OWN_SIZES: tuple[VmSize, ...] = (
    VmSize("Flowstead_XS", 0.25, 0.25),
    VmSize("Flowstead_S", 0.5, 0.5),
    VmSize("Flowstead_M", 1, 1),
    VmSize("Flowstead_L", 2, 2),
)
"""For laptops and small machines, which no size of Azure's fits more than once or twice."""

AZURE_SIZES: tuple[VmSize, ...] = (
    VmSize("Standard_DS1_v2", 1, 3.5),
    VmSize("Standard_DS2_v2", 2, 7),
    VmSize("Standard_DS3_v2", 4, 14),
    VmSize("Standard_DS4_v2", 8, 28),
    VmSize("Standard_DS5_v2", 16, 56),
    VmSize("Standard_D2as_v4", 2, 8),
    VmSize("Standard_D4as_v4", 4, 16),
    VmSize("Standard_D8as_v4", 8, 32),
    VmSize("Standard_D16as_v4", 16, 64),
    VmSize("Standard_D32as_v4", 32, 128),
    VmSize("Standard_D48as_v4", 48, 192),
    VmSize("Standard_D64as_v4", 64, 256),
    VmSize("Standard_D96as_v4", 96, 384),
    VmSize("Standard_F2s_v2", 2, 4),
    VmSize("Standard_F4s_v2", 4, 8),
    VmSize("Standard_F8s_v2", 8, 16),
    VmSize("Standard_F16s_v2", 16, 32),
    VmSize("Standard_F32s_v2", 32, 64),
    VmSize("Standard_F48s_v2", 48, 96),
    VmSize("Standard_F64s_v2", 64, 128),
    VmSize("Standard_F72s_v2", 72, 144),
    VmSize("Standard_FX24mds", 24, 504),
    VmSize("Standard_FX36mds", 36, 756),
    VmSize("Standard_FX48mds", 48, 1008),
    VmSize("Standard_E2s_v3", 2, 16),
    VmSize("Standard_E4s_v3", 4, 32),
    VmSize("Standard_E8s_v3", 8, 64),
    VmSize("Standard_E16s_v3", 16, 128),
    VmSize("Standard_E32s_v3", 32, 256),
    VmSize("Standard_E48s_v3", 48, 384),
    VmSize("Standard_E64s_v3", 64, 432),
    VmSize("Standard_NC4as_T4_v3", 4, 28, 1),
    VmSize("Standard_NC8as_T4_v3", 8, 56, 1),
    VmSize("Standard_NC16as_T4_v3", 16, 110, 1),
    VmSize("Standard_NC64as_T4_v3", 64, 440, 4),
    VmSize("Standard_NC6s_v3", 6, 112, 1),
    VmSize("Standard_NC12s_v3", 12, 224, 2),
    VmSize("Standard_NC24s_v3", 24, 448, 4),
    VmSize("Standard_NC24ads_A100_v4", 24, 220, 1),
    VmSize("Standard_NC48ads_A100_v4", 48, 440, 2),
    VmSize("Standard_NC96ads_A100_v4", 96, 880, 4),
    VmSize("Standard_NC40ads_H100_v5", 40, 320, 1),
    VmSize("Standard_NC80adis_H100_v5", 80, 640, 2),
    VmSize("Standard_ND40rs_v2", 40, 672, 8),
    VmSize("Standard_ND96asr_v4", 96, 900, 8),
    VmSize("Standard_ND96amsr_A100_v4", 96, 1900, 8),
    VmSize("Standard_ND96isr_H100_v5", 96, 1900, 8),
)
"""In the order in which a page would list them: general purpose, compute, memory, accelerators; small ones first.
Other sizes of Azure's are taken too, as `sizes` reads their names."""

VM_SIZES = (*OWN_SIZES, *AZURE_SIZES)
