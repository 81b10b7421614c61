"""`flowstead demo`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

import flowstead
from flowstead.cli import exit_codes
from flowstead.cli.apps import new_app
from flowstead.cli.asking import curl_line, sample_body
from flowstead.cli.deploy_plan import DeployOptions, plan_deploy
from flowstead.cli.deploying import Deployed, deploy
from flowstead.cli.following import follow
from flowstead.cli.progress import Stages, seconds, stages
from flowstead.cli.registering import check_flow
from flowstead.cli.scoring import check_answer
from flowstead.client import FlowsteadClient, invoke
from flowstead.errors import BadArgument, PortInUse
from flowstead.gateway.program import check_port
from flowstead.launch.addresses import AskedFor, free_port, settings_for
from flowstead.launch.background import start_in_background
from flowstead.launch.teardown import tear_down
from flowstead.resources.home import Home
from flowstead_runtime.flow.definition import FlowDefinition

app = new_app()
EXAMPLE = Path("examples/ask-docs")
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PASSED_ON = ("OPENAI_API_KEY", "OPENAI_BASE_URL")
"""Variables of the shell that the demo's deployment gets: with a key, an LLM writes the answer."""


@app.command()
def demo(
    flow: Annotated[
        Path | None, typer.Option("--flow", help=f"A flow's folder [default: {EXAMPLE}].", metavar="FLOW")
    ] = None,
    exit_at_once: Annotated[bool, typer.Option("--exit", help="Clean up and end after the answer.")] = False,
    home: Annotated[
        Path | None,
        typer.Option("--home", help="The scratch home, empty or missing [default: a temporary one].", metavar="DIR"),
    ] = None,
) -> None:
    """Start Flowstead in a scratch home, deploy an example flow, ask it a question. Ctrl-C cleans everything up."""
    folder = flow or find_example()
    definition = check_flow(folder)
    answered = False
    with scratch_home(home) as place, _ended_as_if_interrupted():
        progress = stages(sys.stdout)
        try:
            url = _start(place, progress)
            endpoint = _deploy_and_ask(place, folder, definition, progress, url)
            answered = True
            if exit_at_once:
                _delete(place, endpoint, progress)
            else:
                _wait_for_interrupt(place)
        except KeyboardInterrupt:
            print()
        finally:
            for number in _ENDING:  # an impatient second Ctrl-C must leave nothing running
                signal.signal(number, signal.SIG_IGN)
            with progress.stage("Cleaning up") as stage:
                tear_down(place, say=stage.phase)
    if not answered:
        raise typer.Exit(exit_codes.INTERRUPTED)


def find_example() -> Path:
    """The example under the current directory, or in the checkout that Flowstead is installed from. Raises
    BadArgument."""
    checkout = Path(flowstead.__file__).resolve().parents[3]
    for start in (Path.cwd(), checkout):
        if (start / EXAMPLE).is_dir():
            return start / EXAMPLE
    raise BadArgument(
        f"There is no {EXAMPLE} here.",
        hint="Run it in Flowstead's checkout, or name a flow: flowstead demo --flow FOLDER.",
    )


@contextmanager
def scratch_home(named: Path | None) -> Iterator[Home]:
    """A home of the demo's own, gone afterwards. One that is named must be empty or missing: what is there is kept."""
    if named is None:
        root = Path(tempfile.mkdtemp(prefix="flowstead-demo-"))
    else:
        root = named.expanduser().absolute()
        if root.exists() and any(root.iterdir()):
            raise BadArgument(
                f"{root} is not empty; the demo would delete it.", hint="Name a directory that is not there."
            )
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        yield Home.at(root)
    finally:
        for folder, _, _ in os.walk(root):
            Path(folder).chmod(0o700)  # registered content is read-only
        shutil.rmtree(root, ignore_errors=True)


def _start(home: Home, progress: Stages) -> str:
    """Returns the URL of the door."""
    settings = settings_for(AskedFor(), home)
    try:
        check_port(settings.host, settings.port)
    except PortInUse:
        port = free_port(settings.host)
        print(f"Port {settings.port} is taken; this demo uses {port}.")
        settings = replace(settings, port=port)
    with progress.stage("Starting Flowstead") as stage:
        start_in_background(home, settings)
        stage.note(f"{settings.base_url('http')}, home {home.root}")
    return settings.base_url("http")


def _deploy_and_ask(home: Home, folder: Path, definition: FlowDefinition, progress: Stages, url: str) -> str:
    """Deploy, ask, print; returns the endpoint's name. url: of the door."""
    variables = variables_passed_on(os.environ)
    if variables:
        print(f"{' and '.join(variables)} of your shell go to the deployment: an LLM writes the answer.")
    plan = plan_deploy(definition, DeployOptions(variables=variables))
    began = time.monotonic()
    with FlowsteadClient.local(home) as client:
        deployed = deploy(client, folder, plan, progress, all_traffic=True, wait=True)
        question = sample_body(definition)
        body = json.dumps(question).encode()
        answer = check_answer(invoke(deployed.scoring_uri, deployed.credential, body), plan.endpoint)
        link = client.sign_in_link() if sys.stdout.isatty() else ""
    print(text_of(deployed, question, json.loads(answer.text), time.monotonic() - began, portal_line(url, link)))
    return plan.endpoint


def portal_line(url: str, link: str = "") -> str:
    """Where the portal is. link: signs in once; "" where somebody else may read it later."""
    if link:
        return f"Portal       {link}\n             signs in once, within ten minutes"
    return f"Portal       {url}/portal/"


def text_of(deployed: Deployed, question: Mapping[str, Any], answer: Any, took: float, portal: str) -> str:
    """Question and answer, the time, how to go on asking, and where the portal is."""
    lines = ["", *_exchange(question, answer), "", f"From folder to answer: {seconds(took)}."]
    lines += ["", f"Scoring URL  {deployed.scoring_uri}", portal]
    lines += ["", curl_line(deployed.scoring_uri, deployed.credential, dict(question)), ""]
    return "\n".join(lines)


def variables_passed_on(shell: Mapping[str, str]) -> dict[str, str]:
    """OPENAI_API_KEY and what goes with it; nothing without the key."""
    if not shell.get(PASSED_ON[0]):
        return {}
    return {name: shell[name] for name in PASSED_ON if shell.get(name)}


def _exchange(question: Mapping[str, Any], answer: Any) -> list[str]:
    asked = question.get("question", json.dumps(question, ensure_ascii=False))
    said = answer.get("answer") if isinstance(answer, dict) else None
    sources = answer.get("sources") if isinstance(answer, dict) else None
    lines = [f"Question  {asked}", "", "Answer"]
    text = said if isinstance(said, str) else json.dumps(answer, indent=2, ensure_ascii=False)
    lines += [f"  {line}" for line in text.splitlines()]
    if isinstance(sources, list) and sources:
        lines += ["", "Sources"] + [f"  {source}" for source in sources]
    return lines


def _delete(home: Home, endpoint: str, progress: Stages) -> None:
    with FlowsteadClient.local(home) as client, progress.stage("Deleting the endpoint") as stage:
        follow(client.endpoints.delete(endpoint), stage)


def _wait_for_interrupt(home: Home) -> None:
    print(
        f"Flowstead goes on running: try it with `flowstead --help` and --home {home.root}. Ctrl-C cleans up.",
        flush=True,
    )
    while True:
        signal.pause()


@contextmanager
def _ended_as_if_interrupted() -> Iterator[None]:
    """A `kill`, or a terminal that is closed, cleans up like Ctrl-C."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
