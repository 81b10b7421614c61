"""The examples with an LLM: any server that speaks OpenAI's protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flowstead_runtime.testing.fake_llm import FakeLlm
from tests.installation import Installation

PAGE = "<html><body><script>hidden()</script><h1>Trains</h1><p>[[say: A page about trains.]]</p></body></html>"


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = PAGE.encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def page() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/trains"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_page_is_summarized_and_classified(flowstead: Installation, tmp_path: Path, page: str) -> None:
    with FakeLlm() as provider:
        connections = tmp_path / "connections.json"
        connection = {"type": "open_ai", "api_key": "any-key-will-do", "base_url": f"{provider.url}/v1"}
        connections.write_text(json.dumps({"llm_connection": connection}))
        flowstead.run("deploy", "examples/classify-page", "--connections", str(connections))
        key = flowstead.keys("classify-page")["primaryKey"]

        answer = flowstead.score("classify-page", {"url": page, "location": "Bern"}, key)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"category": "other", "concerns_location": False, "summary": "A page about trains."}
        first, second = [request.body for request in provider.requests]
        assert "hidden()" not in json.dumps(first)
        assert "Place: Bern" in second["messages"][-1]["content"]
        assert second["response_format"] == {"type": "json_object"}

        refused = flowstead.score("classify-page", {"url": "ftp://nowhere", "location": "Bern"}, key)
        assert refused.status_code == 424
        assert "no web address" in refused.json()["error"]["message"]


def test_ask_docs_takes_an_azure_connection_too(flowstead: Installation, tmp_path: Path) -> None:
    with FakeLlm() as provider:
        connections = tmp_path / "connections.json"
        connection = {
            "type": "azure_open_ai",
            "api_base": provider.url,
            "api_key": "a-key",
            "api_version": "2024-10-21",
        }
        connections.write_text(json.dumps({"open_ai_connection": connection}))
        flowstead.run("deploy", "examples/ask-docs", "--endpoint", "ask-azure", "--connections", str(connections))
        question = {"question": "How do I rotate an endpoint's key? [[say: Like this.]]", "chat_history": []}
        body = flowstead.score("ask-azure", question, flowstead.keys("ask-azure")["primaryKey"]).json()
    assert body["answer"].startswith("Like this.\n\nSource: keys.md › ")


def test_ask_docs_has_an_llm_write_where_there_is_a_key(flowstead: Installation) -> None:
    with FakeLlm() as provider:
        flowstead.run(
            "deploy", "examples/ask-docs", "--endpoint", "ask-llm",
            "--env", "OPENAI_API_KEY=any-key-will-do", "--env", f"OPENAI_BASE_URL={provider.url}/v1",
        )  # fmt: skip
        key = flowstead.keys("ask-llm")["primaryKey"]
        question = {"question": "How do I rotate an endpoint's key? [[say: Use the other one.]]", "chat_history": []}
        body = flowstead.score("ask-llm", question, key).json()
    assert body["answer"].startswith("Use the other one.\n\nSource: keys.md › ")
    assert "regenerate-keys" in json.dumps(provider.requests[0].body)
