"""Runs a command: finds its module, shows its errors, gives its exit code."""

from __future__ import annotations

import importlib
import itertools
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from flowstead.cli import exit_codes
from flowstead.cli.apps import SETTINGS
from flowstead.cli.commands import COMMANDS
from flowstead.cli.failure import show_failure
from flowstead.errors import FlowsteadError


class LazyGroup(TyperGroup):
    """The top level: knows the commands' names and imports the one that is asked for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._known = {command.name: command for command in COMMANDS}
        self.commands = dict.fromkeys(self._known, self)  # only the names are looked at, for "did you mean"

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        known = self._known.get(cmd_name)
        if known is None:
            return None
        command = typer.main.get_command(importlib.import_module(f"flowstead.cli.{known.module}").app)
        command.name = known.name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for panel, commands in itertools.groupby(self._known.values(), key=lambda command: command.panel):
            with formatter.section(panel):
                formatter.write_dl([(command.name, command.help) for command in commands])


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, **SETTINGS)


@app.callback(invoke_without_command=True)
def top(context: typer.Context, version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    """Prompt flows as managed online endpoints, on your own machine."""
    if version:
        from importlib.metadata import version as installed  # reads the disk; for this option only

        typer.echo(installed("flowstead"))
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


def run(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code. What goes wrong is told on stderr, without a traceback unless
    FLOWSTEAD_DEBUG=1."""
    try:
        app(args=list(arguments), prog_name="flowstead")
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else exit_codes.OK
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except FlowsteadError as failure:
        if os.environ.get("FLOWSTEAD_DEBUG") == "1":
            raise
        show_failure(failure)
        return exit_codes.exit_code_of(failure)
    except Exception as failure:
        if os.environ.get("FLOWSTEAD_DEBUG") == "1":
            raise
        show_failure(_unexpected(failure))
        return exit_codes.FAILURE
    return exit_codes.OK


def _unexpected(failure: Exception) -> FlowsteadError:
    if isinstance(failure, OSError) and failure.strerror:
        place = f" {failure.filename}" if failure.filename else ""
        return FlowsteadError(f"{failure.strerror}:{place}.", hint="Mend that and run the command again.")
    return FlowsteadError(
        f"{type(failure).__name__}: {failure}",
        hint=f"This should not happen. For the traceback: FLOWSTEAD_DEBUG=1 flowstead {' '.join(sys.argv[1:2])} …",
    )
