"""Where the door is: what `up` was asked for, what it was started with before, and whether that may be."""

from __future__ import annotations

import ipaddress
import json
import socket
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from flowstead.errors import BadArgument
from flowstead.resources.home import Home
from flowstead.resources.private_file import write_private
from flowstead.resources.settings import ServerSettings


@dataclass(frozen=True)
class AskedFor:
    """The options of `up`; None: as the last time, or the default."""

    host: str | None = None
    port: int | None = None
    public_url: str | None = None
    allow_plain_http: bool = False


def settings_for(asked: AskedFor, home: Home) -> ServerSettings:
    """What to start with. Raises BadArgument for a bind that is wider than this machine (no TLS yet), unless it was
    asked for in so many words, and for a public URL that is none."""
    known = read_settings(home)
    host = _as_address(asked.host) if asked.host else known.host if known else ServerSettings.host
    port = asked.port or (known.port if known else ServerSettings.port)
    if not is_loopback(host) and not asked.allow_plain_http:
        raise BadArgument(
            f"--host {host} would let other machines in over plain HTTP: keys and answers could be read on the way.",
            hint="Keep 127.0.0.1 behind a TLS proxy (and name it with --public-url), or add --allow-plain-http.",
            target="host",
        )
    own = _own_url(host, port)
    was_own = known is None or known.public_url == _own_url(known.host, known.port)
    public_url = asked.public_url or (own if was_own or known is None else known.public_url)
    return ServerSettings(host, port, _checked_url(public_url))


def read_settings(home: Home) -> ServerSettings | None:
    """What `up` was last started with; None when it never was."""
    try:
        known = json.loads(home.settings.read_bytes())
        return ServerSettings(str(known["host"]), int(known["port"]), str(known["public_url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_settings(home: Home, settings: ServerSettings) -> None:
    write_private(home.settings, json.dumps(asdict(settings), indent=2).encode() + b"\n")


def is_loopback(host: str) -> bool:
    """host: an IP address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def door_url(settings: ServerSettings) -> str:
    """The door as this machine reaches it, whatever its public name."""
    return _own_url(settings.host, settings.port)


def free_port(host: str) -> int:
    """A port on which nobody listens at this moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _as_address(host: str) -> str:
    """The gateway listens on addresses, not names: a name may come to mean another machine."""
    if host.lower() == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        raise BadArgument(
            f"--host {host} is not an IP address.", hint="Name one of this machine's addresses.", target="host"
        ) from None


def _own_url(host: str, port: int) -> str:
    """Of a wildcard address, the way from this machine."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 compared, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise BadArgument(
            f"The public URL {url!r} is not of the form https://HOST[:PORT].",
            hint="Correct --public-url.",
            target="public_url",
        )
    return url.rstrip("/")
