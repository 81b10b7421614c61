"""A Flowstead in which secrets are planted, and what it has said meanwhile."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.cli.running import run as run_command
from tests.installation import WORKSPACE, Installation, eventually
from tests.planted_secrets import Planted


@dataclass
class World:
    """said: what commands and answers have told that were not asked for a secret, by what told it."""

    flowstead: Installation
    planted: Planted
    folder: Path
    token: str = field(init=False)
    tenant: str = field(init=False)
    began: float = field(default_factory=time.time)
    said: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.token = self.flowstead.token()
        self.tenant = json.loads((self.flowstead.home / "credentials.json").read_text())["tenant_id"]

    def command(self, *words: str, expected: int | None = None, variables: Mapping[str, str] = {}) -> None:
        """A command of the command line, in this process: starting one for each would take most of the test's time."""
        output = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(output):
            for name, value in {"FLOWSTEAD_HOME": str(self.flowstead.home), "NO_COLOR": "1", **variables}.items():
                patch.setenv(name, value)
            code = run_command(words)
        self.said[f"{len(self.said)} {' '.join(words)[:100]}"] = output.getvalue().encode()
        assert expected is None or code == expected, output.getvalue()

    def call(self, method: str, path: str, body: Any = None, *, expected: int | None = None) -> httpx.Response:
        """Below the workspace, or from the root."""
        return self.keep(self.quietly(method, path, body), expected)

    def quietly(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """A call whose answer's purpose is to hand a secret out, or that is of no interest."""
        url = f"{self.flowstead.url}{path if path.startswith('/subscriptions') else WORKSPACE + path}"
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.request(method, url, json=body, headers=headers, params={"api-version": "2024-10-01"}, timeout=30)

    def keep(self, answer: httpx.Response, expected: int | None = None) -> httpx.Response:
        if expected is not None:
            assert answer.status_code == expected, answer.text
        head = json.dumps(dict(answer.headers)).encode()
        self.said[f"{len(self.said)} {answer.request.method} {answer.url.path}"] = head + answer.content
        return answer

    def keys(self, endpoint: str) -> dict[str, str]:
        return dict(self.quietly("POST", f"/onlineEndpoints/{endpoint}/listKeys").json())

    def ended(self, endpoint: str, deployment: str = "blue") -> str:
        path = f"/onlineEndpoints/{endpoint}/deployments/{deployment}"

        def state() -> str:
            said = str(self.quietly("GET", path).json()["properties"]["provisioningState"])
            return said if said in ("Succeeded", "Failed") else ""

        return str(eventually(f"{endpoint}/{deployment} has an outcome", state, 60))
