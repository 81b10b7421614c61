"""The identity of an endpoint, as the flow's own code has it."""

from __future__ import annotations

import json

import httpx
import jwt
import psutil
import pytest

from tests.installation import Installation
from tests.served_flow import write_files

FLOW = {
    "flow.dag.yaml": """\
inputs:
  what: {type: string}
outputs:
  said: {type: string, reference: "${ask.output}"}
nodes:
- name: ask
  type: python
  source: {type: code, path: ask.py}
  inputs: {what: "${inputs.what}"}
""",
    "requirements.txt": "azure-identity==1.27.0\n",
    "ask.py": """\
import json
import os
import urllib.error
import urllib.request

from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from promptflow.core import tool


@tool
def ask(what: str) -> str:
    if what == "variables":
        return json.dumps(sorted(os.environ))
    if what.startswith("without"):
        try:
            urllib.request.urlopen(os.environ["IDENTITY_ENDPOINT"] + "?resource=" + what)
        except urllib.error.HTTPError as error:
            return str(error.code)
    credential = ManagedIdentityCredential() if what.startswith("managed") else DefaultAzureCredential()
    return credential.get_token(what.partition(" ")[2] + "/.default").token
""",
}
VAULT = "https://vault.azure.net"


@pytest.fixture(scope="module")
def deployed(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The endpoint's key."""
    flow = write_files(tmp_path_factory.mktemp("identity") / "flow", FLOW)
    flowstead.run("deploy", str(flow), "--endpoint", "somebody")
    return flowstead.keys("somebody")["primaryKey"]


def said(flowstead: Installation, key: str, what: str) -> str:
    answer = flowstead.score("somebody", {"what": what}, key)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["said"])


@pytest.mark.parametrize("credential", ["managed", "default"])
def test_azures_credentials_get_tokens_of_the_endpoints_identity(
    flowstead: Installation, deployed: str, credential: str
) -> None:
    token = said(flowstead, deployed, f"{credential} {VAULT}")
    identity = flowstead.api("GET", "/onlineEndpoints/somebody").json()["identity"]
    tenant = identity["tenantId"]
    document = httpx.get(f"{flowstead.url}/{tenant}/v2.0/.well-known/openid-configuration").json()
    keys = jwt.PyJWKSet.from_dict(httpx.get(f"{flowstead.url}/{tenant}/discovery/v2.0/keys").json())
    kid = jwt.get_unverified_header(token)["kid"]
    claims = jwt.decode(token, keys[kid], algorithms=["ES256"], audience=VAULT, issuer=document["issuer"])
    assert claims["sub"] == identity["principalId"]


def test_only_who_has_the_header_gets_one(flowstead: Installation, deployed: str) -> None:
    assert said(flowstead, deployed, "without") == "401"
    names = json.loads(said(flowstead, deployed, "variables"))
    assert {"IDENTITY_ENDPOINT", "IDENTITY_HEADER"} <= set(names)
    assert not {"FLOWSTEAD_IDENTITY_URL", "FLOWSTEAD_IDENTITY_KEY"} & set(names)


def test_tokens_go_on_while_the_server_is_away(flowstead: Installation, deployed: str) -> None:
    first = said(flowstead, deployed, f"managed {VAULT}")
    psutil.Process(flowstead.server_pid()).kill()
    try:
        assert said(flowstead, deployed, f"managed {VAULT}") == first
    finally:
        flowstead.up()
