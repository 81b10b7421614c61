"""`flowstead doctor`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from flowstead.cli import exit_codes
from flowstead.cli.apps import HomeOption, OutputOption, QueryOption, new_app
from flowstead.cli.output import show
from flowstead.launch.addresses import AskedFor, settings_for
from flowstead.launch.doctor import Finding, Outcome, examine, is_fit
from flowstead.launch.facts import MachineFacts
from flowstead.resources.home import Home

app = new_app()


@app.command()
def doctor(
    home: HomeOption = None,
    host: Annotated[str | None, typer.Option(help="Address that `up` would listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port that `up` would listen on.", min=1, max=65535)] = None,
    tls_port: Annotated[
        int | None, typer.Option(help="HTTPS port that `up` would listen on.", min=1, max=65535)
    ] = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Check what Flowstead needs on this machine. Exit code 0 when all is there, 1 when something is missing."""
    place = Home.at(home)
    findings = examine(MachineFacts(place, settings_for(AskedFor(host, port, tls_port), place)))
    if output is None and query is None:
        print(text_of(findings))
    else:
        show([asdict(finding) for finding in findings], output, query)
    raise typer.Exit(exit_codes.OK if is_fit(findings) else exit_codes.FAILURE)


def text_of(findings: Sequence[Finding]) -> str:
    """One line a finding, its remedy below it, the verdict at the end."""
    width = max(len(finding.check) for finding in findings)
    lines: list[str] = []
    for finding in findings:
        lines.append(f"{finding.outcome.value:8} {finding.check:{width}}  {finding.found}")
        if finding.remedy:
            lines.append(f"{'':8} {'':{width}}  next: {finding.remedy}")
    problems = [finding.check for finding in findings if finding.outcome is Outcome.PROBLEM]
    lines.append("")
    lines.append(
        f"Flowstead cannot work here: {', '.join(problems)}." if problems else "All that Flowstead needs is here."
    )
    return "\n".join(lines)
