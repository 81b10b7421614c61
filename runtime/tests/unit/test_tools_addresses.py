"""Which addresses may be called on a caller's word."""

from __future__ import annotations

import pytest

from flowstead_runtime.tools.addresses import is_public


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "20.42.73.24", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_the_public_network_may_be_called(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255"),  # noqa: S104
        *("192.168.0.1", "169.254.169.254", "168.63.129.16", "100.64.0.1", "192.0.0.192", "192.0.2.1", "198.18.0.1"),
        *("198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00::1", "ff02::1", "2001:db8::1", "2001::1"),
        *("::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "2002:7f00:1::", "2002:a00:1::1", "64:ff9b::7f00:1"),
        *("64:ff9b:1::1", "100::1", "", "localhost", "127.1", "2130706433"),
    ],
)
def test_this_machine_its_network_and_what_is_reserved_may_not(address: str) -> None:
    assert not is_public(address)
