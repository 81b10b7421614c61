"""`flowstead serve`: hands over to the runtime, in this very process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from flowstead.cli.apps import new_app

app = new_app()


@app.command()
def serve(
    flow: Annotated[Path, typer.Argument(help="The flow's folder, or its definition file.", metavar="FLOW")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8080,
    connections: Annotated[
        Path | None, typer.Option(help="A JSON file: name → type and fields.", metavar="FILE")
    ] = None,
    concurrency: Annotated[int | None, typer.Option(help="Requests at once [default: no limit].", metavar="N")] = None,
    timeout: Annotated[float | None, typer.Option(help="Longest request [default: no limit].", metavar="S")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes [default: PROMPTFLOW_WORKER_NUM, else 1].", metavar="N")
    ] = None,
    collect: Annotated[
        Path | None, typer.Option(help="A JSON file: which data are collected, and where to.", metavar="FILE")
    ] = None,
    cors: Annotated[
        list[str] | None, typer.Option(help="An origin whose pages may call, or * for any.", metavar="ORIGIN")
    ] = None,
    init: Annotated[
        list[str] | None, typer.Option(help="An argument for a flex flow's class.", metavar="NAME=VALUE")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say where the flow's connections come from, and end.")
    ] = False,
) -> None:
    """Serve one flow on a port of this machine: no server, no gateway, no key. Ctrl-C ends it.

    The flow runs in the environment that Flowstead is installed in, with the packages that are there."""
    given = {
        "--host": host,
        "--port": port,
        "--connections": connections,
        "--concurrency": concurrency,
        "--timeout": timeout,
        "--workers": workers,
        "--collect": collect,
    }
    words = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    words += ["--cors", *cors] if cors else []
    words += ["--init", *init] if init else []
    words += ["--explain"] if explain else []
    os.execv(sys.executable, [sys.executable, "-m", "flowstead_runtime", "serve", str(flow), *words])  # noqa: S606
