"""What all commands have in common: settings of Typer, and the options that many take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from flowstead.cli.az_command import AzCommand
from flowstead.cli.output import Format

SETTINGS: Final[dict[str, Any]] = {
    "add_completion": False,
    "pretty_exceptions_enable": False,
    # Plain help: the same on every terminal, and quicker than importing rich.
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", help="Where Flowstead keeps its state [env: FLOWSTEAD_HOME; default: ~/.flowstead].", metavar="DIR"
    ),
]
OutputOption = Annotated[Format | None, typer.Option("--output", "-o", help="How to print the result.")]
QueryOption = Annotated[
    str | None, typer.Option("--query", help="A JMESPath expression over the result.", metavar="JMESPATH")
]
FileOption = Annotated[Path | None, typer.Option("--file", "-f", help="An Azure ML YAML file.", metavar="YAML")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Replace a value, as in --set tags.team=search a[0].b=c.", metavar="KEY=VALUE"),
]
OutputsOption = Annotated[
    list[str] | None,
    typer.Option("--outputs", help="The flow's outputs that are in the response [default: all].", metavar="A,B"),
]
OverrideOption = Annotated[
    list[str] | None,
    typer.Option(
        "--connection-override",
        help="Use a connection of the workspace for one that the flow names.",
        metavar="FLOW_CONNECTION=CONNECTION",
    ),
]
TagsOption = Annotated[
    list[str] | None, typer.Option("--tags", help="Tags, as in --tags team=search stage=test.", metavar="NAME=VALUE")
]
DescriptionOption = Annotated[str | None, typer.Option("--description", help="What it is for.")]
PlanOption = Annotated[
    bool, typer.Option("--plan", help="Say what would be created, changed or refused, and change nothing.")
]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Do not wait for the end.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def new_app(help: str = "") -> typer.Typer:
    """For one command, or, with a help text, for a group of them."""
    return typer.Typer(help=help or None, no_args_is_help=bool(help), **SETTINGS)


def resource_app(help: str) -> typer.Typer:
    """For the commands of one kind of resource, whose command lines are those of `az ml`."""
    return _ResourceApp(help=help, no_args_is_help=True, **SETTINGS)


class _ResourceApp(typer.Typer):
    def command(self, name: str | None = None, **settings: Any) -> Any:
        return super().command(name, cls=AzCommand, **settings)


def confirm(question: str, *, yes: bool) -> None:
    """Ask unless told not to; refusal ends the command. Without a terminal there is nobody to ask."""
    if yes:
        return
    import sys

    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask at; add --yes.", param_hint="--yes")
    if not typer.confirm(question):
        raise typer.Exit(1)
