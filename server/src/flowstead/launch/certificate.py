"""The certificate of a home's HTTPS door, looked after as long as the server runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flowstead.gateway.certificates import CertificateAuthority
from flowstead.gateway.process import EnvoyGateway
from flowstead.launch.looking import looked_at
from flowstead.resources.clock import Clock
from flowstead.resources.home import Home
from flowstead.resources.settings import ServerSettings

_LOOK_EVERY_S = 3600.0
"""How often to see whether the certificate is due, seconds; it is renewed months before its end."""


@contextmanager
def certified(
    home: Home, settings: ServerSettings, gateway: EnvoyGateway, clock: Clock, *, look_every_s: float = _LOOK_EVERY_S
) -> Iterator[None]:
    """The gateway has its certificate when the block begins, and a new one in time as long as it lasts. Raises
    HostProblem when the authority's files are damaged."""

    def present() -> None:
        authority = CertificateAuthority.of(home, clock)
        gateway.present(authority.certificate(settings.certificate_names))

    present()
    with looked_at("the certificate of the HTTPS door", present, every_s=look_every_s):
        yield
