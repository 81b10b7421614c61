"""What an instance may reach, and as whom it runs."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path

from flowstead.confine.abilities import Abilities
from flowstead.confine.description import Confinement, Reach, certificate_files, confinement
from flowstead.confine.places import interpreter_places
from flowstead.confine.users import number_for
from flowstead.engines.protocol import InstanceSpec
from flowstead.resources.home import Home

_PRIVATE, _SHARED_IN_GROUP = 0o077, 0o007


def confinement_of(
    spec: InstanceSpec, *, home: Home, scratch: Path, user: int, abilities: Abilities, host: Mapping[str, str]
) -> Confinement | None:
    """user: its own. host: the server's own environment; a deployment's must not name files to show."""
    # All instances of a deployment collect into the same folders, each under a user of its own.
    group = number_for(spec.deployment_uid) if spec.collected else user
    reach = Reach(
        scratch=scratch,
        readable=(
            content_of(spec.flow, home),
            *interpreter_places(spec.python),
            *_runtime_of_the_server(spec.python),
            *certificate_files(host),
        ),
        shared=(spec.collected,) if spec.collected else (),
        hidden=(home.root, home.run),
    )
    umask = _SHARED_IN_GROUP if spec.collected else _PRIVATE
    return confinement(abilities, reach, user=(user, group), umask=umask)


def content_of(flow: Path, home: Home) -> Path:
    """The whole of what was uploaded: a flow may lie in a folder of it and read what lies beside."""
    for store in (home.models, home.flows / "snapshots"):
        if flow.is_relative_to(store) and flow != store:
            return store / flow.relative_to(store).parts[0]
    return flow


def _runtime_of_the_server(python: Path) -> list[Path]:
    """An instance that shares the server's own environment, as in tests, may find the runtime in a checkout."""
    if python != Path(sys.executable):
        return []
    found = importlib.util.find_spec("flowstead_runtime")
    return [Path(each).parent for each in (found and found.submodule_search_locations) or ()]
