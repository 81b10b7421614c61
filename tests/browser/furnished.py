"""An installation with something of everything, so that no page is looked at empty."""

from __future__ import annotations

import json
from pathlib import Path

from tests.installation import ROOT, Installation, write_flow

PAGES = {
    "overview": "/",
    "flows": "/flows",
    "flow": "/flows/classify-page",
    "chat-flow": "/flows/talk",
    "deploy": "/flows/classify-page/deploy",
    "deploy-endpoint": "/flows/classify-page/deploy?page=endpoint",
    "deploy-review": "/flows/classify-page/deploy?page=review",
    "endpoints": "/endpoints",
    "endpoint": "/endpoints/greeter",
    "details": "/endpoints/greeter/deployments/blue",
    "test": "/endpoints/greeter/deployments/blue?tab=test",
    "consume": "/endpoints/greeter/deployments/blue?tab=consume",
    "logs": "/endpoints/greeter/deployments/blue?tab=logs",
    "data-tab": "/endpoints/greeter/deployments/blue?tab=data",
    "chat": "/endpoints/talk/deployments/blue?tab=test",
    "failed": "/endpoints/broken/deployments/blue",
    "connections": "/connections",
    "connection": "/connections/open_ai_connection",
    "environments": "/environments",
    "environment": "/environments/slugs",
    "data": "/data",
    "data-asset": "/data/greeter-blue-model_inputs",
    "access": "/access",
    "add-role-assignment": "/access/add",
    "settings": "/settings",
    "missing": "/nowhere",
}
"""Name → address, of every page and every tab of a deployment."""

_GREET = """\
from promptflow.core import tool


@tool
def say(text: str) -> str:
    print(f"asked about {text}")
    return f"**{text}** is worth a visit.\\n\\n1. Go there.\\n2. Stay."
"""
_MISSING_PACKAGE = "there-is-no-such-package-of-flowstead==1.0\n"


def furnish(site: Installation, folder: Path) -> None:
    """folder: where files of the flows may be written."""
    site.run("flow", "push", str(ROOT / "examples" / "classify-page"))
    site.run("flow", "init", "talk", "--template", "chat", "--path", str(folder / "talk"))
    site.run("flow", "push", str(folder / "talk"))
    _connections(site, folder)
    site.run("deploy", str(write_flow(folder / "greeter", _GREET)), "--endpoint", "greeter", "--collect")
    site.run("deploy", str(folder / "talk"), "--endpoint", "talk")
    broken = write_flow(folder / "broken", _GREET, requirements=_MISSING_PACKAGE)
    assert site.run("deploy", str(broken), "--endpoint", "broken", check=False).returncode != 0
    key = site.keys("greeter")["primaryKey"]
    for place in ("Lisbon", "Kyoto", "Tromsø"):
        assert site.score("greeter", {"text": place}, key).status_code == 200
    site.run("identity", "create", "--name", "reader-of-secrets", "--tags", "team=search")
    (folder / "slugs.yaml").write_text(
        "name: slugs\nversion: 1\nimage: mcr.microsoft.com/azureml/promptflow/promptflow-runtime-stable:latest\n"
        "conda_file:\n  name: slugs\n  dependencies:\n  - python=3.11\n  - pip:\n    - python-slugify\n"
    )
    site.run("environment", "create", "-f", str(folder / "slugs.yaml"))


def _connections(site: Installation, folder: Path) -> None:
    file = folder / "connection.yaml"
    file.write_text("name: open_ai_connection\ntype: open_ai\napi_key: sk-not-a-real-key\n")
    site.run("connection", "create", "-f", str(file))
    custom = {"name": "weather", "type": "custom", "target": "https://weather.example"}
    file.write_text(json.dumps({**custom, "credentials": {"type": "custom_keys", "keys": {"key": "not-a-real-key"}}}))
    site.run("connection", "create", "-f", str(file))
