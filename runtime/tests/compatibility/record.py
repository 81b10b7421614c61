"""Records the answers of promptflow's own server anew: `python -m runtime.tests.compatibility.record [case …]`.

Installs promptflow and promptflow-tools by the pins into `.cache/promptflow` the first time. A case is named as in the
folder `cases`, or by a folder of it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.promptflow import HOME, PYTHON, install_promptflow, promptflow_environment
from flowstead_runtime.testing.fake_llm import FakeLlm
from runtime.tests.compatibility.cases import CONNECTIONS, PROVIDER, Case, accepted_keys, filled, read_cases, recording
from runtime.tests.compatibility.exchange import NotStarted, ask, running

_CREATE_CONNECTIONS = """
import json, sys
from promptflow._sdk._pf_client import PFClient
from promptflow._sdk.entities._connection import _Connection
for name, data in json.load(sys.stdin).items():
    made = _Connection._from_execution_connection_dict(name=name, data={"module": "promptflow.connections", **data})
    PFClient().connections.create_or_update(made)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help="all, unless given")
    parser.add_argument("--jobs", type=int, default=2, help="servers at once")
    options = parser.parse_args()
    cases = [case for case in read_cases() if not options.cases or _is_meant(case, options.cases)]
    install_promptflow()
    with FakeLlm(keys=accepted_keys()) as provider, ThreadPoolExecutor(options.jobs) as pool:
        _create_connections(provider.url)
        for case, recorded in zip(cases, pool.map(lambda each: record(each, provider.url), cases), strict=True):
            path = recording(case.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_as_text(recorded), encoding="utf-8")
            print(case.name, "" if recorded["starts"] else "does not start", flush=True)
    return 0


def record(case: Case, provider: str) -> dict[str, Any]:
    """What promptflow's server does with a case."""
    with tempfile.TemporaryDirectory(prefix="record") as scratch:
        flow = case.write(Path(scratch), provider)
        environment = promptflow_environment() | filled(dict(case.environment), flow, provider)
        try:
            with running(_command(case, flow), environment, flow, Path(scratch) / "server.log") as port:
                answers = {request.name: ask(port, request, flow, provider) for request in case.requests}
        except NotStarted as refusal:
            return {"starts": False, "because": _reason(str(refusal))}
    return {"starts": True, "answers": answers}


def _as_text(recorded: dict[str, Any]) -> str:
    """As JSON, a line for each answer."""
    answers = recorded.get("answers")
    if answers is None:
        return json.dumps(recorded, ensure_ascii=False) + "\n"
    lines = [f"  {_one_line(name)}: {_one_line(answer)}" for name, answer in answers.items()]
    return '{\n "starts": true,\n "answers": {\n' + ",\n".join(lines) + "\n }\n}\n"


def _one_line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _command(case: Case, flow: Path) -> list[str]:
    serve = ["-m", "promptflow._cli._pf.entry", "flow", "serve", "--source", str(flow), "--host", "127.0.0.1"]
    return [str(PYTHON), *serve, "--port", "{port}", "--skip-open-browser", "--engine", case.engine]


def _create_connections(provider: str) -> None:
    table: Mapping[str, Any] = json.loads(CONNECTIONS.read_text().replace(PROVIDER, provider))
    subprocess.run(
        [str(PYTHON), "-c", _CREATE_CONNECTIONS],
        input=json.dumps(table),
        text=True,
        check=True,
        env=promptflow_environment(),
        cwd=HOME,
    )


def _reason(log: str) -> str:
    """The last line that tells why."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _is_meant(case: Case, wanted: list[str]) -> bool:
    return any(case.name == each or case.name.startswith(f"{each.rstrip('/')}/") for each in wanted)


if __name__ == "__main__":
    sys.exit(main())
