"""Who makes the journey: a client of the SDK, signed in, with a flow to deploy."""

from __future__ import annotations

import filecmp
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from azure.ai.ml import MLClient
from azure.ai.ml.entities import ManagedOnlineDeployment
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential

IMAGE = "mcr.microsoft.com/azureml/promptflow/promptflow-runtime:latest"
INFERENCE = {
    "liveness_route": {"port": 8080, "path": "/health"},
    "readiness_route": {"port": 8080, "path": "/health"},
    "scoring_route": {"port": 8080, "path": "/score"},
}


class Journey:
    """settings: url, tenant_id, client_id, client_secret, token, subscription_id, resource_group, workspace, folder,
    llm (a provider's URL), large_mib."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.settings = settings
        self.folder = Path(settings["folder"])
        self.flow = self.folder / "flow"
        self.credential = ClientSecretCredential(
            settings["tenant_id"],
            settings["client_id"],
            settings["client_secret"],
            authority=settings["url"],
            disable_instance_discovery=True,
        )
        self.place = (settings["subscription_id"], settings["resource_group"], settings["workspace"])
        self.ml = MLClient(self.credential, *self.place, enable_telemetry=False)

    def request_file(self, **inputs: Any) -> str:
        file = self.folder / "request.json"
        file.write_text(json.dumps(inputs))
        return str(file)

    def invoke(self, endpoint: str, text: str, deployment: str | None = None) -> Any:
        """In a process of its own: the SDK keeps the header of a pinned deployment for the rest of a process."""
        arguments = ["-m", "tests.sdk.journey", os.environ["JOURNEY_SETTINGS"], "invoke", endpoint, text]
        command = [sys.executable, *arguments, deployment or ""]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    def score(self, endpoint: str, body: Any, key: str | None = None, **headers: str) -> requests.Response:
        """As a program calls an endpoint that has nothing of the SDK. key: the primary one, unless given."""
        known = key if key is not None else self.ml.online_endpoints.get_keys(endpoint).primary_key
        uri = self.ml.online_endpoints.get(endpoint).scoring_uri
        sent = {"Authorization": f"Bearer {known}", **headers}
        return requests.post(uri, json=body, headers=sent, timeout=60)

    def deployment(self, name: str, endpoint: str = "journey", **more: Any) -> ManagedOnlineDeployment:
        settings = {"model": "greeter@latest", "instance_type": "Standard_E16s_v3", "instance_count": 1}
        return ManagedOnlineDeployment(name=name, endpoint_name=endpoint, **{**settings, **more})


def refused(call: Callable[[], Any], kind: type[Exception] | tuple[type[Exception], ...] = HttpResponseError) -> None:
    try:
        answer = call()
    except kind:
        return
    raise AssertionError(f"was not refused: {answer}")


def same_folder(left: Path, right: Path) -> None:
    compared = filecmp.dircmp(left, right)
    assert not (compared.left_only or compared.right_only or compared.diff_files), (left, right)
    for name in compared.common_files:
        assert (left / name).read_bytes() == (right / name).read_bytes(), name
