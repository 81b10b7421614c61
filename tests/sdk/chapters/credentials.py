"""Keys and tokens of endpoints."""

from __future__ import annotations

import time

from tests.sdk.traveller import Journey


def step_keys_are_regenerated(j: Journey) -> None:
    before = j.ml.online_endpoints.get_keys("journey")
    j.ml.online_endpoints.begin_regenerate_keys("journey", key_type="secondary").result()
    after = j.ml.online_endpoints.get_keys("journey")
    assert after.primary_key == before.primary_key
    assert after.secondary_key != before.secondary_key
    j.ml.online_endpoints.begin_regenerate_keys("journey", key_type="primary").result()
    assert j.ml.online_endpoints.get_keys("journey").primary_key != before.primary_key
    assert j.invoke("journey", "x", "blue") == {"said": "azure says x"}


def step_a_token_opens_its_endpoint(j: Journey) -> None:
    wanted = j.deployment(
        "blue",
        "by-token",
        model="azureml:greeter:1",
        environment="azureml:runtime:1",
        environment_variables={"GREETING": "t"},
    )
    j.ml.online_deployments.begin_create_or_update(wanted).result()
    token = j.ml.online_endpoints.get_keys("by-token")
    assert token.access_token
    assert token.expiry_time_utc > time.time()
    assert token.expiry_time_utc > token.refresh_after_time_utc
    assert j.invoke("by-token", "x", "blue") == {"said": "t says x"}


def step_an_entra_token_opens_its_endpoint(j: Journey) -> None:
    wanted = j.deployment(
        "blue",
        "by-entra",
        model="azureml:greeter:1",
        environment="azureml:runtime:1",
        environment_variables={"GREETING": "e"},
    )
    j.ml.online_deployments.begin_create_or_update(wanted).result()
    assert j.invoke("by-entra", "x", "blue") == {"said": "e says x"}
