"""Secrets are planted wherever Flowstead takes some; then everything that it keeps and says is searched for them.

Not searched: files that a user uploads and what is collected on purpose, an instance's own environment, answers whose
purpose is to hand a secret out.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests import private_index, secret_search
from tests.installation import WORKSPACE, Installation, write_flow
from tests.planted_secrets import Planted
from tests.planting import World

PRINCIPALS = "/subscriptions/00000000-0000-0000-0000-000000000000/providers/Flowstead.Access/principals"
CONNECTIONS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "azure": ("AzureOpenAI", "ApiKey", ("key",)),
    "openai": ("OpenAI", "ApiKey", ("key",)),
    "search": ("CognitiveSearch", "ApiKey", ("key",)),
    "safety": ("CognitiveService", "ApiKey", ("key",)),
    "serverless": ("Serverless", "ApiKey", ("key",)),
    "serp": ("Serp", "ApiKey", ("key",)),
    "blob-sas": ("AzureBlob", "SAS", ("sas",)),
    "blob-key": ("AzureBlob", "AccountKey", ("key",)),
    "git": ("Git", "PAT", ("pat",)),
    "registry": ("ContainerRegistry", "UsernamePassword", ("username", "password")),
    "lake": ("AzureOneLake", "ServicePrincipal", ("clientId", "clientSecret", "tenantId")),
    "s3": ("S3", "AccessKey", ("accessKeyId", "secretAccessKey")),
    "oauth": ("Custom", "OAuth2", ("clientId", "clientSecret", "refreshToken", "developerToken")),
}
"""name → category, authType, the credentials that are planted."""
VARIABLES = {
    "MY_API_KEY": "{}",
    "SESSION_SECRET": "{}",
    "GITHUB_PAT": "{}",
    "DATABASE_URL": "postgres://app:{}@db.example/app",
    "STORAGE": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=core.windows.net",
    "BLOB_ADDRESS": "https://a.blob.core.windows.net/c?sv=2024&sig={}",
    "LLM": "sk-proj-{}",
    "HUGGING_FACE": "hf_{}",
    "SLACK": "xoxb-1234-{}",
    "HEADER": "Bearer {}",
    "SETTINGS": '{"service": {"client_secret": "{}", "name": "shown"}}',
    "PEM_FILE": "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
}
"""Environment variables that are known for secrets by their name or their value."""
YAML = """\
environment_variables:
  OF_THE_FLOW_API_KEY: FLOW_SECRET
inputs:
  text: {type: string, default: hello}
  count: {type: int, default: 1}
outputs:
  said: {type: string, reference: "${say.output}"}
nodes:
- name: say
  type: python
  source: {type: code, path: say.py}
  inputs:
    text: ${inputs.text}
    count: ${inputs.count}
    keys: custom_keys
"""
LEAKY = """\
import json
import logging
import os
import sys
from urllib.parse import quote, quote_plus

from promptflow.connections import CustomConnection
from promptflow.core import tool

logger = logging.getLogger("leaky")
print("import:", dict(os.environ), json.dumps(dict(os.environ)), file=sys.stderr)


@tool
def say(text: str, count: int, keys: CustomConnection) -> str:
    known = dict(os.environ) | dict(keys.secrets)
    in_urls = [f"https://api.example/?key={encoded(v)}" for v in known.values() for encoded in (quote, quote_plus)]
    print("print:", known, keys)
    logger.warning("log: %s %s", json.dumps(known, ensure_ascii=False), in_urls)
    if text == "raise":
        raise ValueError(f"raised with {known} and {in_urls}")
    if text == "chain":
        try:
            raise KeyError(json.dumps(known))
        except KeyError:
            raise RuntimeError("\\n".join(known.values()))
    if text == "return":
        return json.dumps(known)
    return str(len(known))
"""
FAILS_AT_IMPORT = """\
import os

from promptflow.core import tool

raise RuntimeError(f"cannot start with {dict(os.environ)}")
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    planted = Planted()
    installation = Installation(tmp_path_factory.mktemp("planted") / "h")
    installation.up()
    try:
        yield World(installation, planted, tmp_path_factory.mktemp("folder"))
    finally:
        installation.run("down", check=False)
        for process in installation.processes():
            process.kill()


@pytest.mark.timeout(600)
def test_planted_secrets_are_found_nowhere(world: World) -> None:
    connections(world)
    connections_refused(world)
    leaky_deployment(world)
    keys_and_tokens(world)
    principals(world)
    bodies(world)
    failing_starts(world)
    commands(world)
    found = everywhere(world)
    survive(world)
    found += everywhere(world)
    print(f"\n{len(world.planted.values)} secrets planted")
    assert len(world.planted.values) >= 50
    assert not found, "\n".join(sorted(set(found)))


def connections(world: World) -> None:
    """Every kind, by REST, YAML and --set; two are changed, one goes again."""
    new = world.planted.new
    for number, (name, (category, auth_type, fields)) in enumerate(CONNECTIONS.items()):
        credentials = {each: new(f"{name}: {each}", awkward=number % 2 == 0) for each in fields}
        put_connection(world, name, category, auth_type, credentials)
    keys = {"keys": {"pin": new("custom: pin", awkward=True), "plain name": new("custom: plain name")}}
    put_connection(world, "custom_keys", "CustomKeys", "CustomKeys", keys)
    put_connection(world, "to-go", "CustomKeys", "CustomKeys", {"keys": {"k": new("deleted connection")}})
    world.call("DELETE", "/connections/to-go", expected=200)
    patch = {"properties": {"credentials": {"key": new("openai: replaced by PATCH")}}}
    world.call("PATCH", "/connections/openai", patch, expected=200)
    file = world.folder / "connection.yml"
    file.write_text(f"name: from-yaml\ntype: open_ai\napi_key: {new('YAML: api_key')}\n")
    world.command("connection", "create", "-f", str(file), "-o", "json")
    changed = f"api_key={new('--set: api_key')}"
    world.command("connection", "update", "--name", "from-yaml", "--set", changed, "-o", "json")
    world.command("connection", "list", "-o", "json")


def put_connection(
    world: World, name: str, category: str, auth_type: str, credentials: Any, expected: int = 200, **more: Any
) -> None:
    properties = {
        "category": category,
        "authType": auth_type,
        "target": "https://a.example",
        "credentials": credentials,
    }
    world.call("PUT", f"/connections/{name}", {"properties": properties | more}, expected=expected)


def connections_refused(world: World) -> None:
    """What is refused is not told again."""
    new = world.planted.new
    put_connection(world, "refused", "OpenAI", "ApiKey", {"key": [new("refused: in a list")]}, 400)
    put_connection(world, "refused", "OpenAI", "ApiKey", new("refused: no object"), 400)
    put_connection(world, "refused", "OpenAI", "ApiKey", {"key": new("refused: too long") * 2000}, 400)
    put_connection(world, "refused", "OpenAI", new("refused: as authType"), {"key": "k"}, 400)
    put_connection(
        world, "refused", "OpenAI", "ApiKey", {"key": "k"}, 400, metadata={"a": new("refused: metadata", "sk-{}")}
    )
    put_connection(world, "refused", "OpenAI", "ApiKey", {"key": "k"}, 400, metadata=new("refused: metadata is a text"))
    put_connection(world, "refused", new("refused: as category", "{}!"), "ApiKey", {"key": "k"}, 400)
    put_connection(world, "refused", "OpenAI", "ApiKey", {new("refused: as a name", "{}!"): "k"}, 400)
    file = world.folder / "wrong.yml"
    for text in ("name: x\ntype: open_ai\napi_key: [{}]\n", "name: x\ntype: open_ai\napi_key: {}: {\n", "api_key: {}\n",
                 "name: x\ntype: open_ai\napi_keys: {}\n"):  # fmt: skip
        file.write_text(text.replace("{}", new(f"refused YAML {text}")))
        world.command("connection", "create", "-f", str(file))
    world.command("connection", "create", "--name", "x", "--set", new("refused --set", "credentials[9]={}"))
    world.command("deploy", str(world.folder), "--env", new("refused --env", "={}"))


def leaky_deployment(world: World) -> None:
    """A flow that tells all that it knows: in its logs, its errors, its answers, its collected data."""
    planted, flowstead = world.planted, world.flowstead
    keys = {f"{each}Key": planted.new(f"{each} key of a user", "{}-0123456789") for each in ("primary", "secondary")}
    enforced = {"enforce_access_to_default_secret_stores": "enabled"}
    body = {"location": "local", "properties": {"authMode": "Key", "keys": keys, "properties": enforced}}
    world.call("PUT", "/onlineEndpoints/leaky", body, expected=201)
    yaml = YAML.replace("FLOW_SECRET", planted.new_in_content("variable of the flow's file"))
    flow = write_flow(world.folder / "leaky", LEAKY, yaml=yaml)
    file = world.folder / "connections.json"
    described = {"type": "open_ai", "api_key": planted.new("connection of a file")}
    file.write_text(json.dumps({"their_own": described}))
    given = {name: planted.new(f"variable {name}", form) for name, form in VARIABLES.items()}
    words = [word for name in given for word in ("--env", name)]
    words += ["--env", "REFERRED=${{azureml://connections/lake/credentials/clientSecret}}"]
    deploy = ("deploy", str(flow), "--endpoint", "leaky", *words, "--connections", str(file), "--collect")
    world.command(*deploy, "--plan", "-o", "json", variables=given)
    world.command(*deploy, "-o", "json", expected=0, variables=given)
    for text in ("quiet", "raise", "chain", "return"):
        answer = flowstead.score("leaky", {"text": text}, keys["primaryKey"])
        assert answer.status_code == (424 if text in ("raise", "chain") else 200)
        if text != "return":  # what a flow answers is its own affair
            world.keep(answer)
    again = {"properties": {"environmentVariables": {"MY_API_KEY": planted.new("variable replaced")}}}
    world.call("PATCH", "/onlineEndpoints/leaky/deployments/blue", again)


def keys_and_tokens(world: World) -> None:
    """Keys that are brought and made, tokens of endpoints and of the API, signatures of uploads."""
    planted, flowstead = world.planted, world.flowstead
    wanted: dict[str, Any] = {
        "keyType": "Secondary",
        "keyValue": planted.new("key that is regenerated to", "{}-0123456789"),
    }
    world.call("POST", "/onlineEndpoints/leaky/regenerateKeys", wanted, expected=202)
    for refused in ("short", "with blank and more than thirty-two characters", "x" * 300):
        body = wanted | {"keyValue": planted.new(f"refused key {refused[:5]}", "{} " + refused)}
        world.call("POST", "/onlineEndpoints/leaky/regenerateKeys", body, expected=400)
    world.call("PUT", "/onlineEndpoints/made", {"location": "local", "properties": {"authMode": "Key"}}, expected=201)
    for name, key in world.keys("made").items():
        planted.learn(f"{name} that was made", key)
    by_token = {"location": "local", "properties": {"authMode": "AMLToken"}}
    world.call("PUT", "/onlineEndpoints/by-token", by_token, expected=201)
    token = world.quietly("POST", "/onlineEndpoints/by-token/token").json()["accessToken"]
    planted.learn("token of an endpoint", token)
    planted.learn("token of the API", world.token)
    planted.learn("owner's secret", json.loads((flowstead.home / "credentials.json").read_text())["client_secret"])
    planted.learn("master key", (flowstead.home / "keys" / "master.key").read_bytes())
    for file in (flowstead.home / "keys").iterdir():
        if b"-----BEGIN" in (text := file.read_bytes()):
            planted.learn(f"key of {file.name}", text.splitlines()[1])
    signature = world.quietly("POST", "/datastores/workspaceblobstore/listSecrets").json()["sasToken"]
    planted.learn("signature of uploads", httpx.QueryParams(signature)["sig"])
    blob = f"{flowstead.url}/flowstead.blob.core.private/none/LocalUpload/none?{signature}"
    world.keep(httpx.get(blob))
    for given in (token, planted.new("wrong token"), planted.new("no token at all", "é{}")):
        headers = [(b"Authorization", f"Bearer {given}".encode())]
        world.keep(httpx.get(f"{flowstead.url}/subscriptions", headers=headers))
        world.keep(httpx.post(f"{flowstead.url}/endpoints/made/score", headers=headers))
    for query in ("api-key", "access_token", "sig", "code"):
        sent = {query: planted.new(f"query string: {query}")}
        for path in ("/subscriptions", "/endpoints/leaky/score", "/nowhere", "/endpoints/none/score"):
            world.keep(httpx.get(f"{flowstead.url}{path}", params=sent))


def principals(world: World) -> None:
    """Client secrets, right and wrong, and what they are exchanged for."""
    planted, flowstead = world.planted, world.flowstead
    url = f"{flowstead.url}/{world.tenant}/oauth2/v2.0/token"
    made = world.quietly("PUT", f"{PRINCIPALS}/robot", {}).json()["properties"]
    planted.learn("client secret", made["clientSecret"])
    again = world.quietly("POST", f"{PRINCIPALS}/robot/resetSecret").json()["properties"]
    planted.learn("client secret that was reset", again["clientSecret"])
    form = {"grant_type": "client_credentials", "client_id": made["clientId"], "scope": f"{flowstead.url}/.default"}
    granted = httpx.post(url, data=form | {"client_secret": again["clientSecret"]}).json()
    for name in ("access_token", "refresh_token"):
        if name in granted:
            planted.learn(f"{name} of a principal", granted[name])
    for field_name in ("client_secret", "client_id", "grant_type", "refresh_token"):
        wrong = form | {"client_secret": again["clientSecret"], field_name: planted.new(f"sign-in: wrong {field_name}")}
        if field_name == "refresh_token":
            wrong["grant_type"] = "refresh_token"
        world.keep(httpx.post(url, data=wrong))
    basic = (planted.new("sign-in: wrong user"), planted.new("sign-in: wrong password"))
    world.keep(httpx.post(url, data={"grant_type": "client_credentials"}, auth=basic))
    world.keep(httpx.post(url, content=planted.new("sign-in: no form"), headers={"Content-Type": "application/json"}))
    login = ("login", flowstead.url, "-u", made["clientId"], "-t", world.tenant)
    world.command(*login, "-p", planted.new("secret of a login"))


def bodies(world: World) -> None:
    """Request bodies with a secret and an error."""
    new, collected, flowstead = world.planted.new, world.planted.new_in_content, world.flowstead
    key = world.keys("leaky")["primaryKey"]
    sent: dict[str, Any] = {
        "wrong type": {"text": "x", "count": new("score: wrong type")},
        "unknown input": {"text": "x", new("score: unknown input"): 1},
        "list": [new("score: a list")],
        "text": new("score: a text"),
        "deep": {"text": {"deep": collected("score: an object for a text")}},
        "good": {"text": collected("score: a good body")},
    }
    for what, body in sent.items():
        answer = flowstead.score("leaky", body, key)
        assert answer.status_code in (200, 424), f"{what}: {answer.status_code}"
        if what not in ("list", "text"):  # as promptflow does, such a body is quoted to its sender; no log holds it
            world.keep(answer)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    malformed = ('{"text": "%s"', '{"text": "%s\\ud800"}', "%s", '{"text": 1e999, "b": "%s"}')
    for number, text in enumerate(malformed):
        content = text % collected(f"malformed {number}")
        world.keep(httpx.post(f"{flowstead.url}/endpoints/leaky/score", content=content, headers=headers))
        managed = {"Authorization": f"Bearer {world.token}", "Content-Type": "application/json"}
        for path in ("/connections/x", "/onlineEndpoints/x", "/onlineEndpoints/leaky/deployments/green", "/plan"):
            url = f"{flowstead.url}{WORKSPACE}{path}?api-version=2024-10-01"
            method = "POST" if path == "/plan" else "PUT"
            world.keep(httpx.request(method, url, content=content, headers=managed))
    deployment = "/onlineEndpoints/leaky/deployments/green"
    for variables in (
        [new("variables: a list")],
        {"A_KEY": [new("variables: a list in it")]},
        new("variables: a text"),
    ):
        world.call("PUT", deployment, {"location": "local", "properties": {"environmentVariables": variables}})
    raw_requests(world)


def raw_requests(world: World) -> None:
    """What is no HTTP, to the door and to the API behind it."""
    door = socket.create_connection(("127.0.0.1", world.flowstead.port))
    behind = socket.socket(socket.AF_UNIX)
    behind.connect(str(world.flowstead.run_directory() / "api.sock"))
    for name, connection in (("door", door), ("API", behind)):
        secret = world.planted.new(f"no HTTP, to the {name}")
        request = f"GET /health?api-key={secret} HTTP/1.1\r\nHost: flowstead\r\nAuthorization {secret}\r\n\r\n"
        with connection:
            connection.settimeout(10)
            connection.sendall(request.encode())
            world.said[f"no HTTP, {name}"] = connection.recv(65536)


def failing_starts(world: World) -> None:
    """Flows and environments that fail with their secrets, and one that installs with them."""
    planted = world.planted
    flow = write_flow(world.folder / "broken", FAILS_AT_IMPORT)
    broken = {"BROKEN_API_KEY": planted.new("variable of a flow that cannot start")}
    world.command("deploy", str(flow), "--endpoint", "broken", "--env", "BROKEN_API_KEY", variables=broken)
    asking = planted.new_in_content
    lines = {
        "no-index": f"not-there==1\n--index-url {asking('index', 'https://me:{}@127.0.0.1:9/simple')}",
        "no-user": f"not-there==1\n--extra-index-url {asking('index user', 'https://{}@127.0.0.1:9/simple')}",
        "no-query": f"not-there==1\n--index-url {asking('index query', 'https://127.0.0.1:9/simple?token={}')}",
        "no-links": f"not-there==1\n--find-links {asking('find-links', 'https://me:{}@127.0.0.1:9/links')}",
        "no-address": f"not-there @ {asking('address', 'https://me:{}@127.0.0.1:9/n-1-py3-none-any.whl')}",
        "no-git": f"not-there @ {asking('git', 'git+https://{}@127.0.0.1:9/me/it.git')}",
        "no-sas": f"not-there @ {asking('signed address', 'https://127.0.0.1:9/n-1-py3-none-any.whl?sig={}')}",
        "no-file": f"-r {asking('included file', 'https://me:{}@127.0.0.1:9/r.txt')}",
        "no-sense": f"not-there=={asking('nonsense', 'https://me:{}@')} ??",
    }
    for name, text in lines.items():
        flow = write_flow(world.folder / name, "", requirements=text)
        (flow / "say.py").write_text(
            "from promptflow.core import tool\n@tool\ndef say(text: str) -> str:\n    return ''\n"
        )
        world.command("deploy", str(flow), "--endpoint", name, "--no-wait")
    password = asking("password of an index that answers")
    with private_index.serving("me", password) as place:
        wheel = private_index.wheel_name("by-address")
        text = (
            f"--extra-index-url http://me:{password}@{place}/simple\nof-the-index\n"
            f"by-address @ http://me:{password}@{place}/wheels/{wheel}\n"
        )
        flow = write_flow(
            world.folder / "private", (world.folder / "no-file" / "say.py").read_text(), requirements=text
        )
        world.command("deploy", str(flow), "--endpoint", "private", expected=0)
    for endpoint in ("broken", *lines):
        if world.quietly("GET", f"/onlineEndpoints/{endpoint}/deployments/blue").status_code == 200:
            assert world.ended(endpoint) == "Failed"
            where = ("--endpoint-name", endpoint, "--name", "blue")
            world.command("online-deployment", "get-logs", *where)
            world.command("online-deployment", "show", *where, "-o", "json")
    environments(world)


def environments(world: World) -> None:
    new = world.planted.new
    conda = "dependencies: [python=3.11, {pip: ['--index-url ADDRESS', x]}]"
    for name, form in {"user": "https://me:{}@127.0.0.1:9/s", "query": "https://127.0.0.1:9/s?token={}"}.items():
        text = conda.replace("ADDRESS", new(f"conda file: {name}", form))
        body = {"properties": {"image": "promptflow-runtime", "condaFile": text}}
        world.call("PUT", f"/environments/conda-{name}/versions/1", body)
    text = new("conda file: a variable", "dependencies: []\nvariables: {MY_API_KEY: {}}")
    world.call(
        "PUT", "/environments/conda-v/versions/1", {"properties": {"image": "promptflow-runtime", "condaFile": text}}
    )


def commands(world: World) -> None:
    where = ("--endpoint-name", "leaky", "--name", "blue")
    assert world.ended("leaky") == "Succeeded"
    for words in (
        ("doctor",), ("audit", "list", "-o", "json"), ("audit", "list"),
        ("connection", "show", "--name", "azure", "-o", "json"),
        ("online-endpoint", "show", "--name", "leaky", "-o", "json"),
        ("online-endpoint", "list", "-o", "json"), ("online-deployment", "show", *where, "-o", "json"),
        ("online-deployment", "get-logs", *where),
        ("online-deployment", "get-logs", *where, "--container", "storage-initializer"),
        ("master-key", "show"), ("workspace", "show"), ("data", "list"), ("environment", "list", "-o", "json"),
    ):  # fmt: skip
        world.command(*words)
    world.said["status"] = world.flowstead.run("status").stdout.encode()
    key = world.keys("leaky")["primaryKey"]
    headers = {"Authorization": f"Bearer {key}"}
    for path in ("swagger.json", "health", "version", "feedback", ""):
        world.keep(httpx.get(f"{world.flowstead.url}/endpoints/leaky/{path}", headers=headers))
    for name in ("leaky", "made", "by-token", "broken"):
        world.call("POST", f"/onlineEndpoints/{name}/deployments/blue/getLogs", {})


def everywhere(world: World) -> list[str]:
    planted, flowstead = world.planted, world.flowstead
    pids = instances_and_below(flowstead)
    for pid in pids:
        learn_identity(planted, pid)
    found = list(secret_search.in_files(planted, flowstead.home))
    if not flowstead.run_directory().is_relative_to(flowstead.home):
        found += secret_search.in_files(planted, flowstead.run_directory())
    found += secret_search.in_files(planted, Path(os.environ["UV_CACHE_DIR"]), since=world.began)
    headers = {"Authorization": f"Bearer {world.token}"}
    query = {"api-version": "2024-10-01"}
    with httpx.Client(base_url=flowstead.url, headers=headers, params=query, timeout=30) as api:
        known = secret_search.known_names(api, world.tenant)
        found += secret_search.in_answers(planted, api, known)
        found += secret_search.in_events(planted, api)
    found += secret_search.in_processes(planted, pids)
    found += secret_search.in_envoy(planted, flowstead.run_directory() / "gateway" / "admin.sock")
    if hasattr(psutil, "RLIMIT_CORE"):
        found += secret_search.core_dumps(flowstead.processes())
    found += [f"{each}: {what}" for what, said in world.said.items() for each in planted.found_in(said)]
    world.said.clear()
    return found


def instances_and_below(flowstead: Installation) -> list[int]:
    pids = [int(each["pid"]) for each in flowstead.json("status")["instances"] if each["pid"]]
    return [
        p.pid
        for pid in pids
        if psutil.pid_exists(pid)
        for p in (psutil.Process(pid), *psutil.Process(pid).children(True))
    ]


def learn_identity(planted: Planted, pid: int) -> None:
    """The keys by which an instance gets tokens."""
    try:
        variables = psutil.Process(pid).environ()
    except psutil.Error:
        return
    for name in ("IDENTITY_HEADER", "FLOWSTEAD_IDENTITY_KEY"):
        if variables.get(name):
            planted.learn(f"{name} of {pid}", variables[name])


def survive(world: World) -> None:
    """The master key is replaced, what there was is deleted, the server is killed and comes back."""
    flowstead = world.flowstead
    world.command("master-key", "rotate", expected=0)
    os.kill(flowstead.server_pid(), signal.SIGKILL)
    flowstead.up()
    world.command("online-endpoint", "delete", "--name", "made", "--yes")
    world.command("online-deployment", "get-logs", "--endpoint-name", "leaky", "--name", "blue")
