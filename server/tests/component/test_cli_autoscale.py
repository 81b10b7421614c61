"""The commands on autoscale settings, against the real API."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead.testing.in_process_api import InProcessApi
from server.tests.component.test_cli_access import WORKSPACE, Terminal, terminal

__all__ = ["terminal"]

FLOW = "inputs: {}\noutputs: {}\nnodes: []\n"
SETTING = """\
location: local
properties:
  profiles:
    - name: office
      capacity: {minimum: 1, maximum: 3, default: 1}
      rules:
        - metricTrigger:
            metricName: CpuUtilizationPercentage
            timeGrain: PT1M
            statistic: Average
            timeWindow: PT5M
            timeAggregation: Average
            operator: GreaterThan
            threshold: 70.5
          scaleAction: {direction: Increase, type: ChangeCount, value: 1, cooldown: PT5M}
    - name: holidays
      capacity: {minimum: 1, maximum: 1, default: 1}
      fixedDate: {timeZone: W. Europe Standard Time, start: 2099-12-24T00:00:00, end: 2099-12-26T23:59:00}
"""


@pytest.fixture
def deployed(terminal: Terminal) -> InProcessApi:
    api = terminal.api
    terminal.text("online-endpoint create -n chat --no-wait")
    uri = api.upload({"flow.dag.yaml": FLOW})
    model = api.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": uri}}).json()["id"]
    api.call("PUT", "onlineEndpoints/chat/deployments/blue", {"properties": {"model": model}}).raise_for_status()
    return api


def test_a_setting_is_made_of_a_file_and_deleted(terminal: Terminal, deployed: InProcessApi, tmp_path: Path) -> None:
    file = tmp_path / "setting.yml"
    file.write_text(SETTING)
    made = terminal.json(f"autoscale create -n by-cpu -f {file} --resource chat/blue")
    assert (made["name"], made["target"], made["activeProfile"]) == ("by-cpu", "chat/blue", "office")
    [rule] = made["profiles"][0]["rules"]
    assert rule["metricTrigger"]["metricResourceUri"] == WORKSPACE.deployment("chat", "blue")
    assert rule["metricTrigger"]["threshold"] == 70.5
    assert made["profiles"][1]["fixedDate"]["start"] == "2099-12-24T00:00:00"
    assert terminal.json("autoscale show -n by-cpu") == made
    assert terminal.json("autoscale list") == [made]
    terminal.text("autoscale delete -n by-cpu")
    assert terminal.json("autoscale list") == []
    assert "by-cpu" in terminal.fails("autoscale delete -n by-cpu")


@pytest.mark.parametrize(
    ("text", "resource", "words"),
    [
        ("a: b", "chat", "Write --resource ENDPOINT/DEPLOYMENT"),
        ("a: b", "chat/green", "no online deployment"),
        ("a: b", "chat/blue", "no profile"),
        ("properties: {profiles: 3}", "chat/blue", "profiles"),
        ("properties: {profiles: [3, {rules: [4]}]}", "chat/blue", "profiles"),
    ],
)
def test_what_is_wrong_is_told(
    terminal: Terminal, deployed: InProcessApi, tmp_path: Path, text: str, resource: str, words: str
) -> None:
    file = tmp_path / "setting.yml"
    file.write_text(text)
    assert words in terminal.fails(f"autoscale create -n by-cpu -f {file} --resource {resource}")


def test_a_setting_of_no_deployment_is_told_of_the_option(
    terminal: Terminal, deployed: InProcessApi, tmp_path: Path
) -> None:
    file = tmp_path / "setting.yml"
    file.write_text(SETTING)
    said = terminal.fails(f"autoscale create -n by-cpu -f {file}")
    assert "setting.yml does not say which deployment is meant" in said
    assert "Add --resource ENDPOINT/DEPLOYMENT" in said


def test_a_table_has_titles_of_words(terminal: Terminal, deployed: InProcessApi, tmp_path: Path) -> None:
    file = tmp_path / "setting.yml"
    file.write_text(SETTING)
    terminal.json(f"autoscale create -n by-cpu -f {file} --resource chat/blue")
    assert "Active profile" in terminal.text("autoscale list -o table")
