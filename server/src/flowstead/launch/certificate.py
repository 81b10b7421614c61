"""The certificate of a home's HTTPS door, looked after as long as the server runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flowstead.errors import HostProblem
from flowstead.gateway.certificates import CertificateAuthority
from flowstead.gateway.process import EnvoyGateway
from flowstead.resources.clock import Clock
from flowstead.resources.home import Home
from flowstead.resources.settings import ServerSettings

logger = logging.getLogger("flowstead")

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

    def renew() -> None:
        while not stop.wait(look_every_s):
            try:
                present()
            except (OSError, HostProblem):
                logger.exception("The certificate of the HTTPS door could not be looked after.")

    present()
    stop = threading.Event()
    thread = threading.Thread(target=renew, name="certificate")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
