"""What is left of instances when the machine was started anew, or a build's server was killed: containers that nobody
keeps any more, and working folders, where the run directory was in a temporary directory that is gone."""

from __future__ import annotations

import logging
import os

from flowstead.containers.calls import CallFailed, call, client_variables
from flowstead.containers.command import containers_command, name_of_home, name_prefix, remove_command
from flowstead.containers.host import ContainerEngine
from flowstead.engines.local.trash import Trash
from flowstead.resources.home import Home

logger = logging.getLogger(__name__)

_WITHIN_S = 30.0


def remove_leftovers(engine: ContainerEngine, home: Home) -> None:
    """Remove all containers of the home but those of instances that are there. Called before anything is started."""
    name, variables = name_of_home(home.root), client_variables(os.environ)
    try:
        found = call(containers_command(engine, name), variables, within_s=_WITHIN_S).split()
        for each in found:
            if not (home.instances_run / each.removeprefix(name_prefix(name))).is_dir():
                logger.info("Removing the container %s, which nobody keeps any more.", each)
                call(remove_command(engine, each), variables, within_s=_WITHIN_S)
    except CallFailed as problem:
        logger.warning("Containers that nobody keeps any more could not be removed: %s", problem)


def remove_lost_folders(home: Home) -> None:
    """Have the working folders removed of instances that have no directory any more. Called before anything is
    started; returns at once."""
    lost = Trash(home.scratch / ".lost")
    lost.empty()
    for each in home.scratch.iterdir():
        has_instance = any((runs / each.name).is_dir() for runs in (home.instances_run, home.tests_run))
        if not each.name.startswith(".") and not has_instance:
            logger.info("Removing the working folder %s of an instance that is gone.", each)
            lost.take(each)
