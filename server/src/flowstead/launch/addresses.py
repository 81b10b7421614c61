"""Where the doors are: what `up` was asked for, what it was started with before, and whether that may be."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from flowstead.containers.host import checked_choice
from flowstead.errors import BadArgument, FlowsteadError
from flowstead.gateway.program import check_port
from flowstead.resources.home import Home
from flowstead.resources.private_file import write_private
from flowstead.resources.settings import ServerSettings, may_be_asked

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


@dataclass(frozen=True)
class AskedFor:
    """The options of `up`; None: as the last time, or the default. An empty public URL, domain,
    issuer or directory of flows: none."""

    host: str | None = None
    port: int | None = None
    tls_port: int | None = None
    public_url: str | None = None
    domain: str | None = None
    allow_plain_http: bool = False
    demand_isolation: bool | None = None
    allow_private_addresses: bool | None = None
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    flow_directory: str | None = None
    container_engine: str | None = None
    quota_cores: int | None = None
    max_request_mb: int | None = None
    requests_per_second: int | None = None
    scale_in_after_s: int | None = None
    autoscale_grain_s: int | None = None


def settings_for(asked: AskedFor, home: Home, *, is_free: Callable[[str, int], bool] | None = None) -> ServerSettings:
    """What to start with. Nobody asked for the default HTTPS port: when it is taken at the first start, a free one
    stands in for it, so that two homes can run side by side.

    Plain HTTP reaches no further than this machine unless `allow_plain_http` says so, each time anew. Raises
    BadArgument for a host that is no address, for a public URL and a domain that are none, and for one port for both
    doors."""
    known = read_settings(home)
    before = known or ServerSettings()
    host = before.host if asked.host is None else _as_address(asked.host)
    port = asked.port or before.port
    tls_port = asked.tls_port or before.tls_port
    if known is None and asked.tls_port is None and (tls_port == port or not (is_free or _is_free)(host, tls_port)):
        tls_port = free_port(host)
    if tls_port == port:
        raise BadArgument(
            f"HTTP and HTTPS cannot both have port {port}.", hint="Choose another --tls-port.", target="tls_port"
        )
    issuer, audience = _checked_issuer(asked, before)
    return ServerSettings(
        host=host,
        port=port,
        tls_port=tls_port,
        public_url=before.public_url if asked.public_url is None else _checked_url(asked.public_url),
        allow_plain_http=asked.allow_plain_http,
        allow_private_addresses=(
            before.allow_private_addresses if asked.allow_private_addresses is None else asked.allow_private_addresses
        ),
        domain=before.domain if asked.domain is None else _checked_domain(asked.domain),
        demand_isolation=before.demand_isolation if asked.demand_isolation is None else asked.demand_isolation,
        oidc_issuer=issuer,
        oidc_audience=audience,
        flow_directory=_flow_directory(asked.flow_directory, before, home),
        container_engine=checked_choice(
            before.container_engine if asked.container_engine is None else asked.container_engine
        ),
        quota_cores=before.quota_cores if asked.quota_cores is None else asked.quota_cores,
        max_request_mb=before.max_request_mb if asked.max_request_mb is None else asked.max_request_mb,
        requests_per_second=(
            before.requests_per_second if asked.requests_per_second is None else asked.requests_per_second
        ),
        scale_in_after_s=before.scale_in_after_s if asked.scale_in_after_s is None else asked.scale_in_after_s,
        autoscale_grain_s=before.autoscale_grain_s if asked.autoscale_grain_s is None else asked.autoscale_grain_s,
    )


def read_settings(home: Home) -> ServerSettings | None:
    """What `up` was last started with; None when it never was."""
    try:
        return settings_from(home.settings.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return None


def write_settings(home: Home, settings: ServerSettings) -> None:
    write_private(home.settings, settings_text(settings).encode() + b"\n")


def settings_text(settings: ServerSettings) -> str:
    return json.dumps(asdict(settings), indent=2)


def settings_from(text: str) -> ServerSettings:
    """Raises ValueError or TypeError when it is none."""
    return ServerSettings(**json.loads(text))


def free_port(host: str) -> int:
    """A port on which nobody listens at this moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _is_free(host: str, port: int) -> bool:
    try:
        check_port(host, port)
    except FlowsteadError:
        return False
    return True


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


def _checked_url(url: str) -> str:
    if not url:
        return ""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise BadArgument(
            f"The public URL {url!r} is not of the form https://HOST[:PORT].",
            hint="Correct --public-url.",
            target="public_url",
        )
    return url.rstrip("/")


def _checked_issuer(asked: AskedFor, before: ServerSettings) -> tuple[str, str]:
    """The external issuer and the audience of its tokens, both or neither. A slash at its end is a part of its name."""
    issuer = before.oidc_issuer if asked.oidc_issuer is None else asked.oidc_issuer
    audience = before.oidc_audience if asked.oidc_audience is None else asked.oidc_audience
    if not issuer:
        return "", ""
    if not may_be_asked(issuer, here=True) or "?" in issuer:
        raise BadArgument(
            f"The issuer {issuer!r} is not of the form https://HOST[/PATH].",
            hint="Give its URL as its tokens name it (`iss`); http is for an issuer on this machine only.",
            target="oidc_issuer",
        )
    if not audience:
        raise BadArgument(
            f"It is not said whom tokens of {issuer} must be for.",
            hint="Add --oidc-audience, with what its tokens have as `aud`; else those for other programs count.",
            target="oidc_audience",
        )
    return issuer, audience


def _flow_directory(asked: str | None, before: ServerSettings, home: Home) -> str:
    """One that is gone since the last start does no harm: whoever looks into it is told."""
    if asked is None:
        return before.flow_directory
    if not asked:
        return ""
    directory = Path(asked).expanduser().resolve()
    if not directory.is_dir():
        raise BadArgument(
            f"{asked} is not a directory.",
            hint="Name the one in which the flows' folders lie.",
            target="flow_directory",
        )
    root = home.root.resolve()
    if directory == root or root in directory.parents or directory in root.parents:
        # Else keys could be taken for a flow's files.
        raise BadArgument(
            f"{asked} lies in Flowstead's own home, or around it.",
            hint="Name a directory beside it.",
            target="flow_directory",
        )
    return str(directory)


def _checked_domain(domain: str) -> str:
    bare = domain.lower().strip(".")
    if bare and not _DOMAIN.fullmatch(bare):
        raise BadArgument(
            f"{domain!r} is not a domain.", hint="Give it as in --domain flows.example.com.", target="domain"
        )
    return bare
