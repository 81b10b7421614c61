"""Which addresses may be called on a caller's word: those of the public network only."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address

_NOT_PUBLIC = tuple(
    ipaddress.ip_network(each)
    for each in (
        "168.63.129.16/32",  # Azure's host, as seen from its machines
        "192.88.99.0/24",  # relays of 6to4
        "192.0.0.0/24",
        "2001::/23",  # Teredo and other protocol assignments
        "64:ff9b:1::/48",  # translation inside a network
        "100::/64",
        "5f00::/16",
        "3fff::/20",
    )
)
"""Beyond what `ipaddress` knows in every Python that we run on."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


def is_public(address: str) -> bool:
    """Whether an IP address is none of this machine, its network, or reserved. An IPv6 address that holds an IPv4
    address, in whichever way, counts as that. A zone (`%eth0`) makes it link-local."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    inner = _embedded(parsed) if isinstance(parsed, IPv6Address) else None
    if inner is not None:
        parsed = inner
    if isinstance(parsed, IPv6Address) and (parsed.scope_id or parsed.is_site_local):
        return False
    if any(parsed in network for network in _NOT_PUBLIC if network.version == parsed.version):
        return False
    return parsed.is_global and not (parsed.is_multicast or parsed.is_reserved)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64 or address in _COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
