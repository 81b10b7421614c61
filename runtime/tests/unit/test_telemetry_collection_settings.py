"""The document that says what is collected."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.telemetry.collection_settings import (
    VARIABLE,
    CollectionSettings,
    RollingRate,
    given_settings,
    parse_settings,
)

DOCUMENT = {"destination": "/collected", "endpoint": "shop", "deployment": "blue", "instance": "blue-1"}


def parsed(block: Any, **changes: Any) -> CollectionSettings | None:
    return parse_settings(json.dumps({**DOCUMENT, "data_collector": block, **changes}), where="here")


def test_the_block_is_that_of_a_deployments_yaml() -> None:
    settings = parsed(
        {
            "sampling_rate": 0.5,
            "rolling_rate": "Day",
            "collections": {
                "model_inputs": {"enabled": "True", "data": {"name": "a", "path": "azureml://…", "version": 1}},
                "model_outputs": {"enabled": True, "sampling_rate": 0.25, "client_id": "c"},
                "request": {"enabled": "False"},
                "response": {},
            },
            "request_logging": {"capture_headers": ["X-Session"]},
        }
    )
    assert settings is not None
    assert settings.rates == {"model_inputs": 0.5, "model_outputs": 0.25}
    assert settings.rolling_rate is RollingRate.DAY
    assert settings.captured_headers == {"x-session"}
    assert settings.destination == Path("/collected")
    assert (settings.model_version, settings.source) == ("default", "/onlineEndpoints/shop/deployments/blue")


def test_nothing_enabled_is_nothing_to_collect() -> None:
    assert parsed({}) is None
    assert parsed({"collections": {"request": {"enabled": "False"}}}) is None


def test_headers_with_credentials_are_left_out_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    asked = ["Authorization", "cookie", "x-api-key", "Ocp-Apim-Subscription-Key", "x-ok"]
    with caplog.at_level(logging.WARNING):
        settings = parsed(
            {"collections": {"request": {"enabled": "true"}}, "request_logging": {"capture_headers": asked}}
        )
    assert settings is not None
    assert settings.captured_headers == {"x-ok"}
    assert "authorization, cookie, ocp-apim-subscription-key, x-api-key" in caplog.text


ENABLED = {"collections": {"request": {"enabled": "True"}}}


@pytest.mark.parametrize(
    ("block", "changes", "said"),
    [
        (ENABLED, {"endpoint": "../up"}, "endpoint is '../up'"),
        (ENABLED, {"instance": ""}, "instance must be there"),
        (ENABLED, {"destination": None}, "destination must be there"),
        (ENABLED, {"color": 1}, "the document has color"),
        ([], {}, "data_collector must be an object"),
        ({**ENABLED, "samplingrate": 0.1}, {}, "data_collector has samplingrate"),
        ({**ENABLED, "sampling_rate": 2}, {}, "from 0 to 1"),
        ({**ENABLED, "sampling_rate": True}, {}, "from 0 to 1"),
        ({**ENABLED, "rolling_rate": "week"}, {}, "year, month, day, hour, minute"),
        ({**ENABLED, "request_logging": {"capture_headers": "x"}}, {}, "list of header names"),
        ({"collections": {"a/b": {"enabled": "True"}}}, {}, "'a/b'"),
        ({"collections": {"request": {"enabled": "yes"}}}, {}, "collections.request.enabled is 'yes'"),
        ({"collections": {"request": {"rate": 1}}}, {}, "collections.request has rate"),
    ],
)
def test_a_wrong_document_is_refused_where_it_is_wrong(block: Any, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(FlowDefinitionError) as caught:
        parsed(block, **changes)
    assert said in caught.value.message
    assert caught.value.file == "here"


def test_a_file_goes_before_the_variable(tmp_path: Path) -> None:
    assert given_settings(None, {}) is None
    in_variable = json.dumps({**DOCUMENT, "data_collector": ENABLED})
    settings = given_settings(None, {VARIABLE: in_variable})
    assert settings is not None
    assert settings.rates == {"request": 1.0}
    (tmp_path / "collect.json").write_text(json.dumps({**DOCUMENT, "data_collector": {}}))
    assert given_settings(tmp_path / "collect.json", {VARIABLE: in_variable}) is None
    with pytest.raises(FlowDefinitionError, match="cannot be read"):
        given_settings(tmp_path / "gone.json", {})
    with pytest.raises(FlowDefinitionError, match=f"{VARIABLE}.*not JSON"):
        given_settings(None, {VARIABLE: "{"})
