"""What answers tell browsers, and how the pages of the portal come."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from flowstead.api import portal
from flowstead.testing.in_process_api import InProcessApi
from server.tests.component.signing_in import api_with, frozen_clock

clock = pytest.fixture(frozen_clock)
api = pytest.fixture(api_with)


def test_what_answers_tell_browsers(api: InProcessApi) -> None:
    api.upload({"evil.html": "<script>1</script>"}, place="LocalUpload/aa")
    secrets = api.call("POST", "datastores/workspaceblobstore/listSecrets").json()["sasToken"]
    blob = f"/flowstead.blob.core.private/azureml-blobstore/LocalUpload/aa/evil.html?{secrets}"
    asked = {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}
    answers = [
        api.call("GET", "/health", token=None, headers=asked),
        api.call("GET", "onlineEndpoints", headers=asked),
        api.call("GET", "/nowhere", headers=asked),
        api.call("OPTIONS", "onlineEndpoints", token=None, headers=asked),
        api.call("OPTIONS", "/signin", token=None, headers=asked),
        api.call("POST", "/signin", {"code": "x"}, token=None, headers=asked),
        api.call("GET", "/health", token=None, headers={"Host": "evil.test"}),
        api.call("GET", blob, token=None),
    ]
    assert [each.status_code for each in answers] == [200, 200, 404, 401, 405, 403, 421, 200]
    for answer in (*answers, *(api.call("GET", path, token=None) for path in ("/signin", "/portal/flows"))):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "strict-transport-security" not in answer.headers
    assert answers[-1].headers["content-security-policy"].startswith("sandbox"), "an uploaded page is none of ours"


def test_the_page_runs_its_script_and_no_other(api: InProcessApi) -> None:
    page = api.call("GET", "/signin", token=None)
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    [script] = re.findall("<script[^>]*>", page.text)
    [path] = re.findall(r'type="module" .*src="([^"]+)"', script)
    assert "style=" not in page.text
    assert api.call("GET", path, token=None).headers["content-type"].startswith("text/javascript")


def test_each_answer_lets_in_styles_by_another_nonce(api: InProcessApi) -> None:
    pages = [api.call("GET", "/portal/", token=None) for _ in range(2)]
    nonces = [re.findall(r'name="style-nonce" content="([\w-]{20,})"', page.text)[0] for page in pages]
    assert nonces[0] != nonces[1]
    for nonce, page in zip(nonces, pages, strict=True):
        assert f"style-src 'self' 'nonce-{nonce}'" in page.headers["content-security-policy"]


def test_files_of_the_portal_are_kept_and_its_page_is_not(api: InProcessApi) -> None:
    page = api.call("GET", "/portal/endpoints/any/deployments/blue", token=None)
    assert page.headers["cache-control"] == "no-store"
    [path] = re.findall(r'src="(/portal/assets/[^"]+)"', page.text)
    for there in ("/", "/signin", "/portal", "/portal/", "/portal/flows", path):
        assert api.call("HEAD", there, token=None).status_code in (200, 307), there
    compressed = api.call("GET", path, token=None, headers={"Accept-Encoding": "gzip"})
    plain = api.call("GET", path, token=None, headers={"Accept-Encoding": "identity"})
    assert compressed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert compressed.content == plain.content
    assert "immutable" in plain.headers["cache-control"]
    assert api.call("GET", "/", token=None).headers["location"] == "/portal/"
    missing = api.call("GET", "/portal/assets/index-of-before.js", token=None)
    assert missing.status_code == 404
    assert "Load the page again" in missing.json()["error"]["message"]


def test_a_portal_that_was_not_built_says_so_until_it_is(
    api: InProcessApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("flowstead.api.portal._files", cache(portal._files.__wrapped__))
    monkeypatch.setattr("flowstead.api.portal._BUILT", tmp_path)
    missing = api.call("GET", "/portal/", token=None)
    assert missing.status_code == 503
    assert missing.json()["error"]["code"] == "PortalMissing"
    assert "make setup" in missing.json()["error"]["message"]
    (tmp_path / "index.html").write_text("<p>built</p>")
    assert "built" in api.call("GET", "/portal/", token=None).text
