"""Replacing the master key of a home on which no server runs."""

from __future__ import annotations

from flowstead.errors import HostProblem
from flowstead.launch.lock import HomeLock
from flowstead.resources.clock import SystemClock
from flowstead.resources.home import Home
from flowstead.resources.master_key import GivenVariables
from flowstead.resources.names import Workspace
from flowstead.store.database import MasterKey, Store
from flowstead.store.keys import key_source


def rotate_without_server(home: Home, given: GivenVariables) -> MasterKey:
    """Seal everything under another key: a new one in the home's file, or the given one. Instances and the gateway, if
    they run, notice nothing.

    Raises HomeInUse, WrongMasterKey, ResourceConflict, and HostProblem of other kinds."""
    with HomeLock.take(home):
        if not home.database.exists():
            raise HostProblem(
                f"There is no database in {home.root}, so nothing is sealed yet.", hint="Name another --home."
            )
        store = Store.open(home, clock=SystemClock(), master_key=key_source(home, given, moving=True))
        try:
            owner = store.principals.owner()
            return store.rotate_master_key(owner.name if owner else "system", Workspace().path)
        finally:
            store.close()
