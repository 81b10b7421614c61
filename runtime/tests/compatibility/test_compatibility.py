"""Every case of `cases/`, served for real, answers what promptflow's own server answered."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.flow.includes import assembled
from flowstead_runtime.testing.fake_llm import FakeLlm
from runtime.tests.compatibility.cases import CONNECTIONS, PROVIDER, Case, accepted_keys, filled, read_cases
from runtime.tests.compatibility.comparison import mistakes
from runtime.tests.compatibility.exchange import NotStarted, ask, running

DIFFERENCES = Path(__file__).resolve().parents[3] / "docs" / "reference" / "compatibility.md"


@pytest.fixture(scope="session")
def provider() -> Iterator[str]:
    """The address of a provider that says what it said when the answers were recorded."""
    with FakeLlm(keys=accepted_keys()) as fake:
        yield fake.url


@pytest.mark.parametrize("case", read_cases(), ids=lambda case: case.name)
def test_answers_as_promptflow_does(case: Case, provider: str, tmp_path: Path) -> None:
    recorded = case.recorded()
    starts = recorded["starts"] if case.differs is None else not recorded["starts"]
    flow = case.write(tmp_path, provider)
    wrong = []
    try:
        with (
            assembled(flow) as served,
            running(serve(served), environment(case, flow, provider), tmp_path, tmp_path / "server.log") as port,
        ):
            assert starts, f"this flow is not to start: {recorded['because']}"
            for request in case.requests:
                wanted = request.differs.answer if request.differs else recorded["answers"][request.name]
                given = ask(port, request, flow, provider)
                wrong += [f"{request.name}: {each}" for each in mistakes(wanted, given, request)]
    except (NotStarted, FlowDefinitionError) as refusal:
        assert not starts, f"this flow is to start:\n{refusal}"
    assert not wrong, "\n".join(wrong)


def serve(flow: Path) -> list[str]:
    return [sys.executable, "-m", "flowstead_runtime", "serve", str(flow), "--port", "{port}"]


def environment(case: Case, flow: Path, provider: str) -> dict[str, str]:
    """The case's own, and where the connections are."""
    connections = flow.with_name("connections.json")
    connections.write_text(CONNECTIONS.read_text().replace(PROVIDER, provider))
    own: dict[str, str] = filled(dict(case.environment), flow, provider)
    return {"FLOWSTEAD_CONNECTIONS": str(connections), **own}


def test_each_difference_is_explained_in_the_documentation() -> None:
    lines = (
        re.split(r"(?<!\\)\|", line)
        for line in DIFFERENCES.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    )
    explained = {cells[1].strip() for cells in lines}
    cases = read_cases()
    claimed = {case.differs: case.name for case in cases if case.differs}
    claimed |= {r.differs.matter: f"{case.name}, {r.name}" for case in cases for r in case.requests if r.differs}
    assert claimed.keys() <= explained, {matter: claimed[matter] for matter in claimed.keys() - explained}
