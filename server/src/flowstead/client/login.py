"""Another machine's server, as `flowstead login` remembers it."""

from __future__ import annotations

import ipaddress
import json
import ssl
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from flowstead.client.credentials import Credentials, credentials_of
from flowstead.errors import BadArgument, ServerUnreachable
from flowstead.resources.home import Home
from flowstead.resources.private_file import write_private


@dataclass(frozen=True)
class Login:
    """ca: the certificates that the server's is checked against, PEM; "" for the system's authorities."""

    credentials: Credentials
    ca: str = ""

    def trust(self) -> ssl.SSLContext:
        """Raises BadArgument for a `ca` that holds no certificate."""
        try:
            return ssl.create_default_context(cadata=self.ca or None)
        except (ssl.SSLError, ValueError):
            raise BadArgument("The --ca file holds no certificate.", hint="Name a PEM file, such as ca.pem.") from None


def checked_url(url: str) -> str:
    """The URL without a slash at its end. Raises BadArgument for what is no address of a server, and for one over
    which the secret would travel in clear to another machine."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise BadArgument(f"{url!r} is not a server's URL.", hint="Write it as in https://HOST:8443.")
    if parts.scheme == "http" and not _is_this_machine(parts.hostname):
        raise BadArgument(
            f"{url!r} is not https: the secret would be sent in clear.",
            hint="Use the server's https URL, and --ca FILE.",
        )
    return f"{parts.scheme}://{parts.netloc}"


def read_login(home: Home) -> Login | None:
    """None when nobody has logged in. Raises ServerUnreachable for a file that cannot be read."""
    try:
        known = json.loads(home.login.read_bytes())
        return Login(credentials_of(known), str(known.get("ca") or ""))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ServerUnreachable(
            f"{home.login} cannot be read or is damaged.", hint="Log in again: flowstead logout, then flowstead login."
        ) from None


def write_login(home: Home, login: Login) -> None:
    """Remember it, in a file that only this user may read."""
    known = asdict(login.credentials)
    workspace = known.pop("workspace")
    where = {
        "subscription_id": workspace["subscription"],
        "resource_group": workspace["resource_group"],
        "workspace": workspace["name"],
    }
    write_private(home.login, json.dumps({**known, **where, "ca": login.ca}, indent=2).encode())


def forget_login(home: Home) -> bool:
    """Whether there was one."""
    try:
        home.login.unlink()
    except FileNotFoundError:
        return False
    return True


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
