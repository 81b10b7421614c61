"""Where the steps of a build run: what they may read and write, and as whom.

Two kinds. In the *trusted* room nothing but uv runs: it resolves, downloads and unpacks wheels, so it shares the cache
with all builds. In the *source* room code of source distributions runs: it has a cache of its own that is thrown away,
a user of its own where the server is root, and neither the owner's netrc nor an SSH agent.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from flowstead.confine.abilities import COMMAND, Abilities
from flowstead.confine.description import Reach, certificate_files, confinement
from flowstead.confine.places import interpreter_places
from flowstead.environments.sealing import own
from flowstead.resources.file_tree import remove_tree

_INDEXES = ("UV_FIND_LINKS", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")
"""Variables that may name folders of this machine in which packages lie."""
_FILES = ("SSL_CLIENT_CERT", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "UV_CONFIG_FILE")
_OWNER_S = frozenset({"NETRC", "SSH_AUTH_SOCK"})
"""What lets a build act as the server's owner towards others."""
_UMASK = 0o022
"""An environment is read by other users than the one that built it."""


@dataclass(frozen=True)
class Room:
    """scratch: for what uv and builds write besides the environment; also their HOME. inputs: what the server has
    written for them. hidden: out of sight even where a readable folder holds it. user: (uid, gid) of foreign code,
    None while none runs."""

    abilities: Abilities
    uv: Path
    base_python: Path
    venv: Path
    scratch: Path
    inputs: Sequence[Path]
    cache: Path
    hidden: Sequence[Path]
    user: tuple[int, int] | None = None
    trusted: bool = True

    def for_source(self, scratch: Path, user: tuple[int, int]) -> Room:
        """The room for code of source distributions. scratch: another folder, in which its cache lies too."""
        user_here = user if self.abilities.own_user else None
        return replace(self, scratch=scratch, cache=scratch / "cache", user=user_here, trusted=False)

    def without_cache(self) -> Room:
        """The same, with an empty cache of its own."""
        return replace(self, cache=self.scratch / "cache")

    def prepare(self, files: Mapping[str, str]) -> None:
        """Make the folders, with these files in the scratch folder, and the user their owner."""
        for folder in (self.scratch, self.scratch / "home", self.cache, self.venv):
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        for name, text in files.items():
            (self.scratch / name).write_text(text)
        if self.user is not None:
            for folder in (self.scratch, self.venv):
                own(folder, *self.user)

    def command(self, program: Sequence[str], variables: Mapping[str, str]) -> list[str]:
        """The command that runs the program here. variables: its environment."""
        wanted = confinement(
            self.abilities.for_builds,
            Reach(
                scratch=self.scratch,
                readable=self._readable(variables),
                shared=(self.venv, self.cache),
                hidden=self.hidden,
            ),
            user=self.user,
            umask=_UMASK,
        )
        return [*COMMAND, "run", json.dumps(asdict(wanted)), *program] if wanted else list(program)

    def variables(self, host: Mapping[str, str]) -> dict[str, str]:
        """host: what a build gets of the server's environment."""
        if not self.abilities.any:
            return dict(host)
        kept = {name: value for name, value in host.items() if self.trusted or name not in _OWNER_S}
        home = Path(host.get("HOME") or Path.home())
        netrc = {"NETRC": str(home / ".netrc")} if self.trusted and (home / ".netrc").is_file() else {}
        own_folders = {"HOME": str(self.scratch / "home"), "TMPDIR": str(self.scratch)}
        return {
            "XDG_CONFIG_HOME": str(home / ".config"),
            **netrc,
            **kept,
            **own_folders,
            "UV_CACHE_DIR": str(self.cache),
        }

    def _readable(self, variables: Mapping[str, str]) -> list[Path]:
        named = [Path(variables[name]) for name in _FILES if variables.get(name)]
        netrc = [Path(variables["NETRC"])] if variables.get("NETRC") else []
        config = [Path(variables["XDG_CONFIG_HOME"], "uv")] if variables.get("XDG_CONFIG_HOME") else []
        return [
            *self.inputs,
            self.uv,
            *interpreter_places(self.base_python),
            *certificate_files(variables),
            *local_folders(variables),
            *(each for each in (*named, *netrc, *config) if each.is_absolute()),
        ]


def local_folders(variables: Mapping[str, str]) -> list[Path]:
    """The folders of this machine that the settings of the indexes name: by path, or as `file://`. Pure."""
    words = [word for name in _INDEXES for word in variables.get(name, "").replace(",", " ").split()]
    addresses = [word.rpartition("=")[2] if "=" in word.partition("://")[0] else word for word in words]
    files = [unquote(urlsplit(each).path) if each.startswith("file://") else each for each in addresses]
    return [Path(each) for each in files if each.startswith("/")]


def remove(folder: Path) -> None:
    """Remove it with all below, sealed or not, as far as that goes."""
    if folder.is_symlink() or not folder.is_dir():
        return
    with contextlib.suppress(OSError):
        remove_tree(folder)
