"""The server is killed while editors save: what it said it saved is there, whole, after the next start."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping

import httpx

from tests.installation import FULL, WORKSPACE, Installation, eventually

ROUNDS = 5 if FULL else 1
EDITORS = 3
SAVES_BEFORE_THE_KILL = 20


class Editor(threading.Thread):
    """Saves one file again and again, each time on top of what it saved last. saved: what was acknowledged last;
    tried: what may have been saved or not."""

    def __init__(self, url: str, headers: Mapping[str, str], number: int) -> None:
        super().__init__(daemon=True)
        self.path = f"{url}/files/editor-{number}.py"
        self.saved, self.tried, self.count = b"", b"", 0
        self.refused: list[int] = []
        self._headers = headers
        self._etag = ""

    def run(self) -> None:
        with httpx.Client(timeout=10) as client:
            while True:
                self.tried = f"save {self.count} at {time.monotonic()}\n".encode() * 200
                condition = {"If-Match": self._etag} if self._etag else {"If-None-Match": "*"}
                try:
                    answer = client.put(self.path, content=self.tried, headers={**self._headers, **condition})
                except httpx.HTTPError:
                    return
                if answer.status_code not in (200, 201):
                    self.refused.append(answer.status_code)
                    return
                self.saved, self._etag, self.count = self.tried, answer.headers["etag"], self.count + 1


def test_what_was_saved_survives_the_servers_death(own_flowstead: Installation) -> None:
    for round in range(ROUNDS):
        url = f"{own_flowstead.url}{WORKSPACE}/flows/crash-{round}"
        headers = {"Authorization": f"Bearer {own_flowstead.token()}"}
        assert httpx.put(url, json={}, headers=headers, timeout=30).status_code == 201
        editors = [Editor(url, headers, number) for number in range(EDITORS)]
        for editor in editors:
            editor.start()
        eventually("they save", lambda: min(each.count for each in editors) >= SAVES_BEFORE_THE_KILL)  # noqa: B023
        os.kill(own_flowstead.server_pid(), signal.SIGKILL)
        for editor in editors:
            editor.join(30)
        own_flowstead.up()
        headers = {"Authorization": f"Bearer {own_flowstead.token()}"}
        for editor in editors:
            # A door without a server behind it answers 503; nothing else may have been refused.
            assert set(editor.refused) <= {503}
            found = httpx.get(editor.path, headers=headers, timeout=30)
            assert found.status_code == 200
            assert found.content in (editor.saved, editor.tried)
        listed = httpx.get(f"{url}/files", headers=headers, timeout=30).json()["value"]
        assert len(listed) == EDITORS
