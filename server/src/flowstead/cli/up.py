"""`flowstead up`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

import typer

from flowstead.cli.apps import HomeOption, new_app
from flowstead.cli.progress import seconds, stages
from flowstead.errors import FlowsteadError
from flowstead.launch.addresses import AskedFor, settings_for
from flowstead.launch.background import start_in_background
from flowstead.launch.lock import HomeLock
from flowstead.resources.endpoint import HIGHEST_RATE
from flowstead.resources.home import Home
from flowstead.resources.master_key import GivenVariables
from flowstead.resources.settings import LONGEST_REQUEST_MB, ServerSettings

app = new_app()


@app.command()
def up(
    home: HomeOption = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on [default: 127.0.0.1]; plain HTTP stays on this machine."),
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port for HTTP [default: 8080].", min=1, max=65535)] = None,
    tls_port: Annotated[int | None, typer.Option(help="Port for HTTPS [default: 8443].", min=1, max=65535)] = None,
    public_url: Annotated[
        str | None,
        typer.Option(help="What URLs that are handed out begin with [default: each door's own address]."),
    ] = None,
    domain: Annotated[
        str | None,
        typer.Option(help="Reach endpoints by host too, as ENDPOINT.DOMAIN.", metavar="DOMAIN"),
    ] = None,
    demand_isolation: Annotated[
        bool | None,
        typer.Option(
            "--demand-isolation/--no-demand-isolation",
            help="Run flows only where this machine can keep them from everything else [default: as far as it can].",
            show_default=False,
        ),
    ] = None,
    oidc_issuer: Annotated[
        str | None,
        typer.Option(help="Take tokens of this OpenID Connect issuer too; an empty one ends it.", metavar="URL"),
    ] = None,
    oidc_audience: Annotated[
        str | None, typer.Option(help="Whom its tokens must be for (`aud`).", metavar="AUDIENCE")
    ] = None,
    flow_directory: Annotated[
        str | None,
        typer.Option(help="Let folders of flows in this directory be imported; an empty one ends it.", metavar="DIR"),
    ] = None,
    container_engine: Annotated[
        str | None,
        typer.Option(
            help="What runs images that are not the runtime's: podman, docker, none [default: auto].", metavar="ENGINE"
        ),
    ] = None,
    quota_cores: Annotated[
        int | None,
        typer.Option(help="Cores that all deployments may take together [default: 500].", min=1, metavar="CORES"),
    ] = None,
    max_request_mb: Annotated[
        int | None,
        typer.Option(
            help="MiB that a scoring request's body may have [default: 16].",
            min=1,
            max=LONGEST_REQUEST_MB,
            metavar="MIB",
        ),
    ] = None,
    requests_per_second: Annotated[
        int | None,
        typer.Option(
            help="Requests a second of an endpoint that says nothing; 0: any number [default: 0; Azure: 500].",
            min=0,
            max=HIGHEST_RATE,
            metavar="N",
        ),
    ] = None,
    scale_in_after: Annotated[
        int | None,
        typer.Option(
            help="Seconds that fewer instances must have been enough before there are fewer [default: 300].",
            min=1,
            max=3600,
            metavar="SECONDS",
        ),
    ] = None,
    autoscale_grain: Annotated[
        int | None,
        typer.Option(
            help="Shortest timeGrain of autoscale rules in seconds; the shortest window is five of them [default: 60].",
            min=1,
            max=60,
            metavar="SECONDS",
        ),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Run in the background.")] = False,
    allow_plain_http: Annotated[
        bool,
        typer.Option(
            "--allow-plain-http", help="Let other machines in over plain HTTP too; holds for this start alone."
        ),
    ] = False,
    allow_private_addresses: Annotated[
        bool | None,
        typer.Option(
            "--allow-private-addresses/--no-allow-private-addresses",
            help="Let the server call authorities of identities in private networks [default: it does not].",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start the server and the gateway. In the foreground Ctrl-C ends everything, instances too; with --detach
    `flowstead down` does. Options that are left out are as the last time."""
    place = Home.at(home)
    asked = AskedFor(
        host,
        port,
        tls_port,
        public_url,
        domain,
        allow_plain_http,
        demand_isolation,
        allow_private_addresses,
        oidc_issuer,
        oidc_audience,
        flow_directory,
        container_engine,
        quota_cores,
        max_request_mb,
        requests_per_second,
        scale_in_after,
        autoscale_grain,
    )
    settings = settings_for(asked, place)
    if detach:
        _detached(place, settings)
    else:
        _in_foreground(place, settings)


def _addresses(settings: ServerSettings) -> str:
    urls = dict.fromkeys(settings.base_url(scheme) for scheme in ("http", "https"))
    return " and ".join(urls)


def _way_in(home: Home) -> str:
    """A one-time link, for whoever sees this terminal; where the output goes elsewhere, others may read it later."""
    if not sys.stdout.isatty():
        return f"To sign in with a browser: flowstead signin-link{home.option}"
    from flowstead.client import FlowsteadClient  # only here: `up --help` need not wait for it

    try:
        with FlowsteadClient.local(home) as client:
            return f"Sign in with a browser, once, within ten minutes: {client.sign_in_link()}"
    except FlowsteadError as failure:  # it runs all the same
        return f"There is no link to sign in with: {failure.message}"


def _detached(home: Home, settings: ServerSettings) -> None:
    try:
        with stages().stage("Starting Flowstead") as stage:
            pid = start_in_background(home, settings)
            stage.note(f"process {pid}")
    except KeyboardInterrupt:
        print(f"The server has ended. next: flowstead down{home.option}, which ends the gateway too.", file=sys.stderr)
        raise
    print(f"Flowstead runs at {_addresses(settings)}. Its home is {home.root}.")
    print(_way_in(home))
    print("next: " + " · ".join(f"flowstead {each}{home.option}" for each in ("deploy FOLDER", "status", "down")))


def _in_foreground(home: Home, settings: ServerSettings) -> None:
    from flowstead.launch.server import Signals, run_server  # only here: with --detach the child imports it

    began = time.monotonic()
    given = GivenVariables.take(os.environ)

    def ready() -> None:
        took = seconds(time.monotonic() - began)
        print(f"Flowstead runs at {_addresses(settings)} after {took}. Its home is {home.root}.", flush=True)
        print(_way_in(home), flush=True)
        print(f"In another terminal: flowstead deploy FOLDER{home.option}. Ctrl-C ends everything.", flush=True)

    signals = Signals()
    with HomeLock.take(home) as lock, signals.recorded():
        run_server(home, settings, lock, given=given, signals=signals, terminal=True, on_ready=ready)
        if signals.interrupted:
            _tell("")
            _end_the_rest(home, hurry=lambda: signals.hurried)


def _end_the_rest(home: Home, hurry: Callable[[], bool]) -> None:
    """After the first Ctrl-C; with hurry no request is waited for. At no moment does a signal end this half-way."""
    from flowstead.cli.down import told_of_cut
    from flowstead.launch.teardown import tear_down_rest

    ended = tear_down_rest(home, say=lambda text: _tell(f"{text} …"), hurry=hurry)
    _tell("Flowstead has ended.")
    if ended.cut:
        _tell(told_of_cut(ended))


def _tell(text: str) -> None:
    with suppress(OSError):  # the terminal may have gone
        print(text, file=sys.stderr, flush=True)
