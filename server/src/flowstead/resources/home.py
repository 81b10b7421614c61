"""Where Flowstead keeps its state on this machine."""

from __future__ import annotations

import hashlib
import os
import shlex
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from flowstead.errors import HomeNotWritable
from flowstead.resources.datastore import COLLECTED, CONTAINER

_LONGEST_RUN_PATH = 60
"""A Unix socket path holds 107 bytes; `instances/{id}/health.sock` and the like take up to 45 of them."""


@dataclass(frozen=True)
class Home:
    """The layout of a home directory. `root` is absolute, and the same by whichever link it was named."""

    root: Path

    @classmethod
    def at(cls, directory: str | Path | None = None) -> Home:
        """The named home, or `FLOWSTEAD_HOME`, or `~/.flowstead`. Raises HomeNotWritable for what can be none."""
        chosen = directory or os.environ.get("FLOWSTEAD_HOME") or "~/.flowstead"
        hint = "Name a directory by --home or FLOWSTEAD_HOME."
        try:
            root = Path(os.path.realpath(Path(chosen).expanduser()))
            str(root).encode()  # Envoy's configuration holds nothing else
        except RuntimeError:
            raise HomeNotWritable(
                f"The home {chosen} is below the home of a user who is not known.", hint=hint
            ) from None
        except UnicodeEncodeError:
            raise HomeNotWritable(f"The path of the home, {chosen!a}, is not UTF-8.", hint=hint) from None
        if root.exists() and not root.is_dir():
            raise HomeNotWritable(f"The home {root} is not a directory.", hint=hint)
        return cls(root)

    @property
    def option(self) -> str:
        """What a command is given to mean this home, with a blank before it; "" when it means it without."""
        try:
            meant = Home.at()
        except HomeNotWritable:
            meant = None
        return "" if self == meant else f" --home {shlex.quote(str(self.root))}"

    @property
    def database(self) -> Path:
        return self.root / "flowstead.db"

    @property
    def uploads(self) -> Path:
        """What clients upload by the blob routes, `container/path`; never run from here."""
        return self.root / "uploads"

    @property
    def collected(self) -> Path:
        """What instances collect, `{endpoint}/{deployment}/{collection}/…`; lies where the blob routes read."""
        return self.uploads / CONTAINER / COLLECTED

    @property
    def models(self) -> Path:
        """Registered content, `{content_hash}/`, read-only."""
        return self.root / "models"

    @property
    def flow_sources(self) -> Path:
        """What is known of registered flows, `{content_hash}.json`; may be lost, it is read from the flows anew."""
        return self.root / "flow-sources"

    @property
    def flows(self) -> Path:
        """The sources of flows, and the snapshots of them that are tried out; `store.flow_files` has the layout."""
        return self.root / "flows"

    @property
    def environments(self) -> Path:
        return self.root / "environments"

    @property
    def package_cache(self) -> Path:
        """uv's cache; UV_CACHE_DIR overrides it, so that a checkout keeps one cache for all."""
        return Path(os.environ.get("UV_CACHE_DIR") or self.root / "package-cache")

    @property
    def logs(self) -> Path:
        """`server.log`, `gateway.log`, `endpoints/{endpoint}/{deployment}/{instance}.log`, `tests/{instance}.log`."""
        return self.root / "logs"

    @property
    def scratch(self) -> Path:
        """Working folders of instances, `{instance id}/`."""
        return self.root / "scratch"

    @property
    def keys(self) -> Path:
        """The master key and the token issuer's keys; 0700."""
        return self.root / "keys"

    @property
    def issuer_keys(self) -> Path:
        return self.keys / "issuer.pem"

    @property
    def tls(self) -> Path:
        """The authority and the certificate of the HTTPS door, with their keys; 0700."""
        return self.root / "tls"

    @property
    def ca_certificate(self) -> Path:
        """What clients trust."""
        return self.tls / "ca.pem"

    @property
    def ca_key(self) -> Path:
        return self.tls / "ca.key"

    @property
    def tls_certificate(self) -> Path:
        return self.tls / "server.pem"

    @property
    def tls_key(self) -> Path:
        return self.tls / "server.key"

    @property
    def credentials(self) -> Path:
        """The owner's credentials for the CLI on this machine; 0600."""
        return self.root / "credentials.json"

    @property
    def login(self) -> Path:
        """Credentials of another machine's server, for which the CLI then works; 0600."""
        return self.root / "login.json"

    @property
    def settings(self) -> Path:
        """What `up` was started with (host, ports, public URL); read by the CLI and the next `up`."""
        return self.root / "settings.json"

    @property
    def lock(self) -> Path:
        """Held (flock) by the running server; holds {"pid", "url"}."""
        return self.root / "server.lock"

    @cached_property
    def run(self) -> Path:
        """Sockets and what goes with them; 0700 and short. Under the home when its path is short enough; else in the
        temporary directory, and a link under the home leads there: not everybody who looks has the same `TMPDIR`."""
        inside = self.root / "run"
        if len(os.fsencode(inside)) <= _LONGEST_RUN_PATH:
            return inside
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:10]
        name = f"flowstead-{os.getuid()}-{digest}"
        with suppress(OSError):
            made = inside.readlink()
            if made.name == name and made.is_dir():  # a copied home has the link of another
                return made
        base = Path(tempfile.gettempdir())
        if len(os.fsencode(base)) > _LONGEST_RUN_PATH - 30:
            base = Path("/tmp")  # noqa: S108 the directory below is 0700 and its owner is checked
        return base / name

    @property
    def gateway_run(self) -> Path:
        return self.run / "gateway"

    @property
    def instances_run(self) -> Path:
        return self.run / "instances"

    @property
    def tests_run(self) -> Path:
        """As `instances_run`, of instances in which flows are tried out."""
        return self.run / "tests"

    @property
    def api_socket(self) -> Path:
        return self.run / "api.sock"

    def create(self) -> None:
        """Make the directories, private to this user; may repeat. Raises HomeNotWritable."""
        private = (
            self.root,
            self.keys,
            self.tls,
            self.flow_sources,
            self.run,
            self.gateway_run,
            self.instances_run,
            self.tests_run,
        )
        others = (self.uploads, self.models, self.flows, self.environments, self.logs, self.scratch)
        try:
            for directory in (*private, *others):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for directory in private:
                if directory.is_symlink() or directory.stat().st_uid != os.getuid():
                    raise HomeNotWritable(f"{directory} belongs to somebody else.")
                directory.chmod(0o700)
            if self.run.parent != self.root:
                new = self.root / ".run"
                new.unlink(missing_ok=True)
                new.symlink_to(self.run)
                new.replace(self.root / "run")
        except OSError as failure:
            raise HomeNotWritable(f"Cannot write {self.root}: {failure.strerror}.") from failure

    def refresh(self) -> None:
        """Let nobody take files of the run directory for forgotten ones: many systems remove what has lain for ten days
        in the temporary directory."""
        if self.run.parent == self.root:
            return
        for folder, _, names in os.walk(self.run):
            for path in (folder, *(os.path.join(folder, name) for name in names)):  # noqa: PTH118 there may be hundreds
                with suppress(OSError):  # it has gone meanwhile
                    os.utime(path, follow_symlinks=False)
