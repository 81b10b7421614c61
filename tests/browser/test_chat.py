"""The chat window, as the Test tab shows it for a deployed chat flow."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from playwright.sync_api import Locator, Page, Request, expect

from tests.browser import tested_flows
from tests.browser.portal import Portal, scrolls_sideways
from tests.browser.tested_flows import SEE, TALK, tab
from tests.installation import Installation, eventually

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PROBES = """say # Hello

<img src=x onerror="document.title='owned'"> <script>document.title='owned'</script>
[click](javascript:document.title='owned') ![seen](https://elsewhere.example/pixel.png)
<svg onload="document.title='owned'">"""


@pytest.fixture(scope="module")
def bodies() -> list[bytes]:
    """What the collector of traces got."""
    return []


@pytest.fixture(scope="module")
def talk(flowstead: Installation, bodies: list[bytes]) -> Iterator[str]:
    """A chat flow whose traces somebody collects."""

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.endswith("/traces"):
                bodies.append(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{collector.server_port}"
        traced = f"OTEL_EXPORTER_OTLP_ENDPOINT={address}"
        yield tested_flows.deploy(flowstead, TALK, "--env", traced, endpoint="tested-traced")
        collector.shutdown()


def chat(portal: Portal, endpoint: str) -> Page:
    page = portal.open(tab(endpoint, "test"))
    expect(message(page)).to_be_visible()
    return page


def message(page: Page) -> Locator:
    return page.get_by_role("textbox", name="question", exact=True)


def answers(page: Page) -> Locator:
    return page.get_by_role("article", name="Answer")


def ask(page: Page, text: str) -> Request:
    """The request that sending the message makes."""
    message(page).fill(text)
    with page.expect_request("**/score") as sent:
        message(page).press("Enter")
    return sent.value


def body(request: Request) -> Any:
    return request.post_data_json


def let_on(portal: Portal, endpoint: str, name: str) -> None:
    """The answer to `wait NAME` goes on."""
    key = portal.site.keys(endpoint)["primaryKey"]
    assert portal.site.score(endpoint, {"question": f"open {name}"}, key).status_code == 200


def ended(page: Page, count: int) -> Locator:
    """The last answer, once there are that many and it is complete."""
    expect(answers(page)).to_have_count(count)
    expect(answers(page).last).to_have_attribute("aria-busy", "false")
    return answers(page).last


def test_m49_the_second_turn_carries_the_first(portal: Portal, talk: str) -> None:
    page = chat(portal, talk)
    first = ask(page, "one")
    assert body(first) == {"tone": "dry", "loud": False, "question": "one", "chat_history": []}
    assert first.headers["azureml-model-deployment"] == "blue"
    said = "You said **one**, before that [], to which I answered 0 times. Tone dry."
    expect(ended(page, 1)).to_contain_text(said.replace("*", ""))
    second = body(ask(page, "two"))
    turn = {"inputs": {"tone": "dry", "loud": False, "question": "one"}, "outputs": {"answer": said, "tone": "dry"}}
    assert second["chat_history"] == [turn]
    expect(ended(page, 2)).to_contain_text("You said two, before that ['one'], to which I answered 1 times.")
    expect(ended(page, 2).locator("strong")).to_have_text("two")


def test_m49_an_answer_appears_as_it_comes(portal: Portal, talk: str) -> None:
    page = chat(portal, talk)
    ask(page, "wait seen")
    expect(answers(page)).to_contain_text("the first half,")
    expect(answers(page)).to_have_attribute("aria-busy", "true")
    expect(answers(page)).not_to_contain_text("the second half")
    let_on(portal, talk, "seen")
    expect(ended(page, 1)).to_contain_text("the first half, the second half")


def test_an_answer_can_be_stopped_and_asked_for_again(portal: Portal, talk: str) -> None:
    page = chat(portal, talk)
    ask(page, "wait stopped")
    expect(answers(page)).to_contain_text("the first half,")
    page.get_by_role("region", name="Chat").get_by_role("button", name="Stop").click()
    expect(ended(page, 1)).to_contain_text("You stopped this answer.")
    let_on(portal, talk, "stopped")
    page.get_by_role("button", name="Retry").click()
    expect(ended(page, 1)).to_contain_text("the second half")
    page.get_by_role("button", name="Copy answer").click()
    assert page.evaluate("navigator.clipboard.readText()") == "the first half, the second half"
    page.get_by_role("button", name="Restart").click()
    expect(answers(page)).to_have_count(0)
    assert body(ask(page, "anew"))["chat_history"] == []


def test_what_failed_is_said_in_its_place_and_not_remembered(portal: Portal, talk: str) -> None:
    page = chat(portal, talk)
    portal.expected += ["424", "ERR_INCOMPLETE_CHUNKED_ENCODING"]
    ask(page, "fail")
    expect(ended(page, 1).get_by_role("alert")).to_contain_text("The flow failed (424).")
    expect(ended(page, 1)).to_contain_text("the flow's very own words")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    assert body(ask(page, "break"))["chat_history"] == []
    expect(ended(page, 2)).to_contain_text("it begins")
    expect(ended(page, 2).get_by_role("alert")).to_contain_text("The flow failed after it had begun to answer.")
    expect(ended(page, 2).get_by_role("alert")).to_contain_text("and breaks")
    assert portal.accessibility_faults() == []


def test_m50_other_inputs_are_in_the_inputs_pane_and_reach_the_flow(portal: Portal, talk: str) -> None:
    page = chat(portal, talk)
    pane = page.get_by_role("complementary", name="Inputs")
    fields = pane.get_by_role("textbox").or_(pane.get_by_role("combobox"))
    expect(fields).to_have_count(2)
    pane.get_by_role("textbox", name="tone").fill("warm")
    pane.get_by_role("combobox", name="loud").select_option("true")
    window, side = page.get_by_role("log").bounding_box(), pane.bounding_box()
    assert window is not None
    assert side is not None
    assert side["x"] >= window["x"] + window["width"], "the pane is at the right side"
    ask(page, "hi")
    expect(ended(page, 1)).to_contain_text("Tone warm!")
    pane.get_by_role("textbox", name="tone").fill("cold")
    ask(page, "hi")
    expect(ended(page, 2)).to_contain_text("Tone cold!")


def test_a_look_at_another_tab_loses_nothing(portal: Portal, talk: str) -> None:
    """Whoever tries a flow asks, looks at its log, and asks again; an answer that is coming goes on meanwhile."""
    page = chat(portal, talk)
    page.get_by_role("complementary", name="Inputs").get_by_role("textbox", name="tone").fill("warm")
    ask(page, "one")
    ended(page, 1)
    ask(page, "wait looked")
    expect(answers(page).last).to_contain_text("the first half,")
    message(page).fill("half a thou")
    for other in ("Logs", "Details", "Consume"):
        page.get_by_role("tab", name=other, exact=True).click()
        expect(page.get_by_role("region", name="Chat")).to_have_count(0)
    let_on(portal, talk, "looked")
    page.get_by_role("tab", name="Test", exact=True).click()
    expect(ended(page, 2)).to_contain_text("the first half, the second half")
    expect(message(page)).to_have_value("half a thou")
    request = body(ask(page, "three"))
    assert request["tone"] == "warm"
    assert [turn["inputs"]["question"] for turn in request["chat_history"]] == ["one", "wait looked"]


def test_m50_on_a_phone_the_inputs_pane_is_a_drawer(narrow_portal: Portal, talk: str) -> None:
    page = chat(narrow_portal, talk)
    send = page.get_by_role("button", name="Send")
    expect(send).to_be_in_viewport(ratio=1)  # without scrolling
    page.get_by_role("button", name="Inputs").click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_role("textbox", name="tone").fill("small")
    assert narrow_portal.accessibility_faults() == []
    drawer.get_by_role("button", name="Close inputs").click()
    expect(page.get_by_role("button", name="Inputs")).to_be_focused()
    ask(page, "hi")
    expect(ended(page, 1)).to_contain_text("Tone small.")
    expect(send).to_be_in_viewport(ratio=1)
    assert not scrolls_sideways(page), "the page scrolls sideways"
    assert narrow_portal.accessibility_faults() == []


def test_m54_thumbs_are_beside_the_trace_of_their_answer(portal: Portal, talk: str, bodies: list[bytes]) -> None:
    page = chat(portal, talk)
    ask(page, "not this one")
    ended(page, 1)
    trace = ask(page, "this one").headers["traceparent"].split("-")[1]
    with page.expect_response("**/feedback?flatten=true") as answered:
        ended(page, 2).get_by_role("button", name="Bad answer").click()
    assert answered.value.status == 200
    expect(ended(page, 2).get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")

    def spans() -> dict[str, dict[str, str]]:
        found = [
            span
            for body in tuple(bodies)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
            if span.trace_id.hex() == trace
        ]
        return {span.name: {each.key: each.value.string_value for each in span.attributes} for span in found}

    told = eventually("the feedback is in the trace", lambda: (all_ := spans()).get("promptflow-feedback") and all_)
    assert told["promptflow-feedback"]["thumbs"] == "down"
    assert len(told) >= 3, "the flow's span and the node's are in the same trace"


def test_feedback_is_where_the_portal_says_it_is(portal: Portal, talk: str) -> None:
    page = chat(portal, talk)
    ask(page, "not this one")
    ended(page, 1)
    with page.expect_response("**/score") as answered:
        ask(page, "this one")
    request_id = answered.value.headers["x-ms-request-id"]
    ended(page, 2).get_by_role("button", name="Good answer").click()
    said = ended(page, 2).get_by_role("status")
    expect(said).to_have_text("Thank you. It is in the deployment's log, under this request's id.")
    expect(ended(page, 2)).to_contain_text(f"request {request_id}")
    page.get_by_role("tab", name="Logs", exact=True).click()
    log = page.get_by_role("region", name="Log of blue")
    expect(log).to_contain_text(re.compile(f'flowstead.feedback .*"request_id": "{request_id}".*"thumbs": "up"'))


def test_pictures_go_to_the_flow_and_come_back(portal: Portal, flowstead: Installation) -> None:
    page = chat(portal, tested_flows.deploy(flowstead, SEE))
    page.locator("input[type=file]").set_input_files({"name": "pixel.png", "mimeType": "image/png", "buffer": PIXEL})
    expect(page.get_by_role("img", name="Attachment 1")).to_be_visible()
    sent = body(ask(page, "what is this?"))
    data = base64.b64encode(PIXEL).decode()
    assert sent["question"] == ["what is this?", {"data:image/png;base64": data}]
    expect(ended(page, 1)).to_contain_text("2 parts, 0 turns before")
    back = ended(page, 1).get_by_role("img", name="Answer")
    expect(back).to_have_attribute("src", f"data:image/png;base64,{data}")
    ask(page, "and now?")
    expect(ended(page, 2)).to_contain_text("1 parts, 1 turns before")


def test_markup_in_answers_does_nothing(portal: Portal, talk: str) -> None:
    page = chat(portal, talk)
    message(page).fill(PROBES)
    message(page).press("Enter")
    answer = ended(page, 1)
    expect(answer.get_by_role("heading", name="Hello")).to_be_visible()
    expect(answer).to_contain_text("""<script>document.title='owned'</script>""")
    expect(answer).to_contain_text("picture not loaded: seen")
    assert answer.locator("img, script, svg:not([aria-hidden])").count() == 0
    assert answer.locator("a[href^=javascript]").count() == 0
    assert page.title() != "owned"
