"""What a user of the `azure-ai-ml` SDK does, step by step: run by a Python that has the SDK and nothing of ours.

    python journey.py SETTINGS.json

The steps are the functions below whose names begin with `step_`, in the order of the file; a line of JSON tells how
each ended. A step that fails does not keep the next ones from being tried.
"""

from __future__ import annotations

import filecmp
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from azure.ai.ml import MLClient, load_environment, load_online_deployment, load_online_endpoint
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import (
    APIKeyConnection,
    AzureOpenAIConnection,
    BuildContext,
    CodeConfiguration,
    Data,
    DataCollector,
    DeploymentCollection,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    OnlineRequestSettings,
    OpenAIConnection,
    ProbeSettings,
    ServerlessConnection,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential

IMAGE = "mcr.microsoft.com/azureml/promptflow/promptflow-runtime:latest"
INFERENCE = {
    "liveness_route": {"port": 8080, "path": "/health"},
    "readiness_route": {"port": 8080, "path": "/health"},
    "scoring_route": {"port": 8080, "path": "/score"},
}


class Journey:
    """settings: url, tenant_id, client_id, client_secret, subscription_id, resource_group, workspace, folder."""

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
        place = (settings["subscription_id"], settings["resource_group"], settings["workspace"])
        self.ml = MLClient(self.credential, *place, enable_telemetry=False)

    def request_file(self, **inputs: Any) -> str:
        file = self.folder / "request.json"
        file.write_text(json.dumps(inputs))
        return str(file)

    def invoke(self, endpoint: str, text: str, deployment: str | None = None) -> Any:
        """In a process of its own: the SDK keeps the header of a pinned deployment for the rest of a process."""
        arguments = [sys.executable, __file__, os.environ["JOURNEY_SETTINGS"], "invoke", endpoint, text]
        done = subprocess.run([*arguments, deployment or ""], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    def deployment(self, name: str, endpoint: str = "journey", **more: Any) -> ManagedOnlineDeployment:
        settings = {"model": "azureml:greeter@latest", "instance_type": "Standard_E16s_v3", "instance_count": 1}
        return ManagedOnlineDeployment(name=name, endpoint_name=endpoint, **{**settings, **more})


# Cloud and workspace


def step_the_cloud_is_discovered(j: Journey) -> None:
    assert j.ml._base_url.rstrip("/") == j.settings["url"], j.ml._base_url


def step_the_workspace_is_there(j: Journey) -> None:
    workspace = j.ml.workspaces.get(j.settings["workspace"])
    assert workspace.name == j.settings["workspace"]
    assert workspace.location


def step_workspaces_are_listed(j: Journey) -> None:
    for scope in ("resource_group", "subscription"):
        assert [each.name for each in j.ml.workspaces.list(scope=scope)] == [j.settings["workspace"]], scope


def step_the_default_datastore_is_there(j: Journey) -> None:
    assert j.ml.datastores.get_default().name == "workspaceblobstore"
    assert [each.name for each in j.ml.datastores.list()] == ["workspaceblobstore"]


# Models


def step_a_model_is_registered_from_a_folder(j: Journey) -> None:
    properties = {"azureml.promptflow.mode": "chat", "azureml.promptflow.chat_input": "text"}
    wanted = Model(name="greeter", version="1", path=j.flow, description="says you", properties=properties)
    made = j.ml.models.create_or_update(wanted)
    assert (made.name, made.version, made.properties["azureml.promptflow.mode"]) == ("greeter", "1", "chat")


def step_the_same_content_again_is_the_next_version(j: Journey) -> None:
    made = j.ml.models.create_or_update(Model(name="greeter", path=j.flow, tags={"again": "yes"}))
    assert made.version == "2", made.version


def step_the_same_version_again_is_no_error(j: Journey) -> None:
    made = j.ml.models.create_or_update(Model(name="greeter", version="2", path=j.flow, tags={"again": "twice"}))
    assert (made.version, made.tags) == ("2", {"again": "twice"})


def step_other_content_under_a_version_is_refused(j: Journey) -> None:
    other = j.folder / "other"
    other.mkdir()
    (other / "flow.dag.yaml").write_text((j.flow / "flow.dag.yaml").read_text() + "\n# changed\n")
    refused(lambda: j.ml.models.create_or_update(Model(name="greeter", version="2", path=other)))


def step_the_latest_model_is_found_by_label(j: Journey) -> None:
    assert j.ml.models.get("greeter", label="latest").version == "2"


def step_models_and_versions_are_listed(j: Journey) -> None:
    assert "greeter" in [each.name for each in j.ml.models.list()]
    assert {each.version for each in j.ml.models.list("greeter")} == {"1", "2"}


def step_a_model_is_downloaded_as_it_was(j: Journey) -> None:
    target = j.folder / "downloaded"
    j.ml.models.download("greeter", "1", download_path=target)
    same_folder(j.flow, next(target.rglob("flow.dag.yaml")).parent)


def step_large_files_go_in_blocks(j: Journey) -> None:
    large = j.folder / "large"
    large.mkdir()
    (large / "weights.bin").write_bytes(os.urandom(1 << 20) * int(j.settings["large_mib"]))
    (large / "empty.txt").write_bytes(b"")
    j.ml.models.create_or_update(Model(name="large", version="1", path=large))
    j.ml.models.download("large", "1", download_path=j.folder / "large-again")
    same_folder(large, next((j.folder / "large-again").rglob("weights.bin")).parent)


def step_one_file_is_a_model_too(j: Journey) -> None:
    file = j.folder / "single.txt"
    file.write_text("one file")
    assert j.ml.models.create_or_update(Model(name="single", version="1", path=file)).version == "1"
    j.ml.models.download("single", "1", download_path=j.folder / "single-again")
    assert next((j.folder / "single-again").rglob("single.txt")).read_text() == "one file"


def step_a_model_version_is_archived_and_restored(j: Journey) -> None:
    j.ml.models.archive("greeter", version="1")
    assert [each.version for each in j.ml.models.list("greeter")] == ["2"]
    j.ml.models.restore("greeter", version="1")
    assert {each.version for each in j.ml.models.list("greeter")} == {"1", "2"}


def step_a_model_is_archived_and_restored(j: Journey) -> None:
    j.ml.models.archive("single")
    assert "single" not in [each.name for each in j.ml.models.list()]
    j.ml.models.restore("single")
    assert "single" in [each.name for each in j.ml.models.list()]


def step_a_missing_model_is_not_found(j: Journey) -> None:
    refused(lambda: j.ml.models.get("greeter", version="99"), ResourceNotFoundError)


# Environments


def step_an_environment_of_an_image(j: Journey) -> None:
    wanted = Environment(name="runtime", version="1", image=IMAGE, inference_config=INFERENCE)
    made = j.ml.environments.create_or_update(wanted)
    assert (made.image, made.inference_config["scoring_route"]["path"]) == (IMAGE, "/score"), made


def step_an_environment_of_a_conda_file(j: Journey) -> None:
    conda = {"name": "e", "dependencies": ["python=3.11", "pip", {"pip": ["python-slugify==8.0.4"]}]}
    (j.folder / "conda.yaml").write_text(json.dumps(conda))
    wanted = Environment(name="with-conda", image=IMAGE, conda_file=j.folder / "conda.yaml")
    made = j.ml.environments.create_or_update(wanted)
    assert made.version == "1"
    assert made.conda_file["dependencies"][-1] == {"pip": ["python-slugify==8.0.4"]}


def step_an_environment_of_a_build_context(j: Journey) -> None:
    context = j.folder / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM {IMAGE}\nCOPY ./* /\nRUN pip install -r requirements.txt\n")
    (context / "requirements.txt").write_text("python-slugify==8.0.4\n")
    build = BuildContext(path=context)
    wanted = Environment(name="built", version="1", build=build, inference_config=INFERENCE)
    assert j.ml.environments.create_or_update(wanted).build.dockerfile_path == "Dockerfile"


def step_an_environment_without_a_version_gets_the_next(j: Journey) -> None:
    same = j.ml.environments.create_or_update(Environment(name="runtime", image=IMAGE, inference_config=INFERENCE))
    assert same.version == "1", same.version
    changed = j.ml.environments.create_or_update(Environment(name="runtime", image=IMAGE.replace("latest", "2024")))
    assert changed.version == "2", changed.version
    assert j.ml.environments.get("runtime", version="1").image == IMAGE


def step_environments_are_listed_and_found(j: Journey) -> None:
    assert {"runtime", "with-conda", "built"} <= {each.name for each in j.ml.environments.list()}
    assert j.ml.environments.get("runtime", label="latest").version == "2"
    assert {each.version for each in j.ml.environments.list("runtime")} == {"1", "2"}


def step_an_environment_is_archived_and_restored(j: Journey) -> None:
    j.ml.environments.archive("built", version="1")
    assert list(j.ml.environments.list("built")) == []
    j.ml.environments.restore("built", version="1")
    assert [each.version for each in j.ml.environments.list("built")] == ["1"]


def step_a_sample_environment_file_applies(j: Journey) -> None:
    file = j.folder / "environment.yaml"
    file.write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json\n"
        f"name: from-file\nversion: 3\nimage: {IMAGE}\ninference_config:\n"
        "  liveness_route: {path: /health, port: 8080}\n  readiness_route: {path: /health, port: 8080}\n"
        "  scoring_route: {path: /score, port: 8080}\n"
    )
    assert j.ml.environments.create_or_update(load_environment(file)).version == "3"


# Endpoints


def step_an_endpoint_with_keys(j: Journey) -> None:
    wanted = ManagedOnlineEndpoint(name="journey", auth_mode="key", tags={"a": "b"}, description="for the journey")
    made = j.ml.online_endpoints.begin_create_or_update(wanted).result()
    assert (made.provisioning_state, made.auth_mode, made.tags) == ("Succeeded", "key", {"a": "b"})
    assert made.scoring_uri.startswith(j.settings["url"]), made.scoring_uri
    assert made.identity.principal_id


def step_an_endpoint_with_tokens(j: Journey) -> None:
    made = j.ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="by-token", auth_mode="aml_token"))
    assert made.result().auth_mode == "aml_token"


def step_an_endpoint_with_entra_tokens(j: Journey) -> None:
    made = j.ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="by-entra", auth_mode="aad_token"))
    assert made.result().auth_mode == "aad_token"


def step_a_sample_endpoint_file_applies(j: Journey) -> None:
    file = j.folder / "endpoint.yaml"
    file.write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineEndpoint.schema.json\n"
        "name: from-file\nauth_mode: key\nproperties:\n  enforce_access_to_default_secret_stores: enabled\n"
    )
    made = j.ml.online_endpoints.begin_create_or_update(load_online_endpoint(file)).result()
    assert made.properties["enforce_access_to_default_secret_stores"] == "enabled", made.properties


def step_endpoints_are_listed(j: Journey) -> None:
    assert {"journey", "by-token", "by-entra"} <= {each.name for each in j.ml.online_endpoints.list()}


def step_a_missing_endpoint_is_not_found(j: Journey) -> None:
    refused(lambda: j.ml.online_endpoints.get("not-there"), ResourceNotFoundError)


def step_traffic_to_an_unknown_deployment_is_refused(j: Journey) -> None:
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.traffic = {"nobody": 100}
    refused(lambda: j.ml.online_endpoints.begin_create_or_update(endpoint).result())


# Deployments


def step_a_deployment_of_registered_assets(j: Journey) -> None:
    wanted = j.deployment(
        "blue",
        environment="azureml:runtime:1",
        environment_variables={"PROMPTFLOW_RUN_MODE": "serving", "GREETING": "blue"},
        request_settings=OnlineRequestSettings(
            request_timeout_ms=60000, max_concurrent_requests_per_instance=4, max_queue_wait_ms=500
        ),
        liveness_probe=ProbeSettings(initial_delay=5, period=10, timeout=2, failure_threshold=30, success_threshold=1),
        readiness_probe=ProbeSettings(initial_delay=5, period=10, timeout=2, failure_threshold=30, success_threshold=1),
        tags={"colour": "blue"},
    )
    made = j.ml.online_deployments.begin_create_or_update(wanted).result()
    assert (made.provisioning_state, made.instance_count, made.tags) == ("Succeeded", 1, {"colour": "blue"})
    assert made.request_settings.max_concurrent_requests_per_instance == 4
    assert made.environment.endswith("/environments/runtime/versions/1"), made.environment


def step_a_deployment_with_everything_inline(j: Journey) -> None:
    inline = Environment(image=IMAGE, conda_file=j.folder / "conda.yaml", inference_config=INFERENCE)
    wanted = j.deployment(
        "green", model=Model(path=j.flow), environment=inline, environment_variables={"GREETING": "green"}
    )
    assert j.ml.online_deployments.begin_create_or_update(wanted).result().provisioning_state == "Succeeded"
    assert not any("CliV2Anonymous" in each.name for each in j.ml.environments.list())


def step_a_deployment_with_code(j: Journey) -> None:
    code = j.folder / "code"
    code.mkdir()
    (code / "score.py").write_text("# not used by a flow\n")
    wanted = j.deployment(
        "coded",
        environment="azureml:runtime:1",
        code_configuration=CodeConfiguration(code=str(code), scoring_script="score.py"),
    )
    made = j.ml.online_deployments.begin_create_or_update(wanted).result()
    assert made.code_configuration.scoring_script == "score.py"


def step_a_deployment_of_a_build_context(j: Journey) -> None:
    wanted = j.deployment("built", environment="azureml:built:1", environment_variables={"GREETING": "built"})
    j.ml.online_deployments.begin_create_or_update(wanted).result()
    assert j.invoke("journey", "x", "built") == {"said": "built says x"}


def step_a_sample_deployment_file_applies(j: Journey) -> None:
    file = j.folder / "deployment.yaml"
    file.write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json\n"
        "name: blue\nendpoint_name: from-file\nmodel: azureml:greeter:1\nenvironment:\n"
        f"  image: {IMAGE}\n  inference_config:\n    liveness_route: {{path: /health, port: 8080}}\n"
        "    readiness_route: {path: /health, port: 8080}\n    scoring_route: {path: /score, port: 8080}\n"
        "instance_type: Standard_E16s_v3\ninstance_count: 1\nenvironment_variables:\n"
        "  PROMPTFLOW_RUN_MODE: serving\n  PRT_CONFIG_OVERRIDE: deployment.subscription_id=<subscription_id>,"
        "deployment.resource_group=<resource_group>,deployment.workspace_name=<workspace_name>,"
        "deployment.endpoint_name=from-file,deployment.deployment_name=blue\n"
    )
    made = j.ml.online_deployments.begin_create_or_update(load_online_deployment(file)).result()
    assert made.provisioning_state == "Succeeded"


def step_deployments_are_listed(j: Journey) -> None:
    names = {each.name for each in j.ml.online_deployments.list("journey")}
    assert {"blue", "green"} <= names, names


def step_a_deployment_of_a_missing_model_is_refused(j: Journey) -> None:
    wanted = j.deployment("lost", model="azureml:greeter:77", environment="azureml:runtime:1")
    refused(lambda: j.ml.online_deployments.begin_create_or_update(wanted).result())


def step_a_deployment_at_a_missing_endpoint_is_refused(j: Journey) -> None:
    wanted = j.deployment("blue", endpoint="not-there", environment="azureml:runtime:1")
    refused(lambda: j.ml.online_deployments.begin_create_or_update(wanted).result(), ResourceNotFoundError)


def step_a_broken_flow_fails_and_stays_readable(j: Journey) -> None:
    broken = j.folder / "broken"
    broken.mkdir()
    (broken / "flow.dag.yaml").write_text((j.flow / "flow.dag.yaml").read_text())
    (broken / "say.py").write_text("raise RuntimeError('no such luck')\n")
    wanted = j.deployment("broken", model=Model(path=broken), environment="azureml:runtime:1")
    refused(lambda: j.ml.online_deployments.begin_create_or_update(wanted).result())
    assert j.ml.online_deployments.get("broken", "journey").provisioning_state == "Failed"
    assert "no such luck" in j.ml.online_deployments.get_logs("broken", "journey", lines=100)
    j.ml.online_deployments.begin_delete("broken", "journey").result()


def step_logs_of_both_containers(j: Journey) -> None:
    assert j.ml.online_deployments.get_logs("blue", "journey", lines=50)
    text = j.ml.online_deployments.get_logs("green", "journey", lines=500, container_type="storage-initializer")
    assert "slugify" in text, text


# Traffic


def step_a_deployment_has_no_traffic_at_first(j: Journey) -> None:
    assert j.ml.online_endpoints.get("journey").traffic.get("blue", 0) == 0


def step_a_deployment_without_traffic_answers_when_named(j: Journey) -> None:
    assert j.invoke("journey", "x", "blue") == {"said": "blue says x"}


def step_all_traffic_to_one(j: Journey) -> None:
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.traffic = {"blue": 100}
    assert j.ml.online_endpoints.begin_create_or_update(endpoint).result().traffic["blue"] == 100
    assert j.invoke("journey", "y") == {"said": "blue says y"}


def step_a_mirror(j: Journey) -> None:
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.mirror_traffic = {"green": 10}
    assert j.ml.online_endpoints.begin_create_or_update(endpoint).result().mirror_traffic == {"green": 10}
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.mirror_traffic = {"green": 60}
    refused(lambda: j.ml.online_endpoints.begin_create_or_update(endpoint).result())
    endpoint.mirror_traffic = {}
    j.ml.online_endpoints.begin_create_or_update(endpoint).result()
    assert not j.ml.online_endpoints.get("journey").mirror_traffic


def step_a_split(j: Journey) -> None:
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.traffic = {"blue": 50, "green": 50}
    j.ml.online_endpoints.begin_create_or_update(endpoint).result()
    heard = {j.invoke("journey", "z")["said"] for _ in range(12)}
    assert heard == {"blue says z", "green says z"}, heard
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.traffic = {"blue": 50, "green": 40}
    refused(lambda: j.ml.online_endpoints.begin_create_or_update(endpoint).result())


def step_an_unknown_pin_is_refused(j: Journey) -> None:
    refused(
        lambda: j.ml.online_endpoints.invoke("journey", request_file=j.request_file(text="a"), deployment_name="no")
    )


# Changes


def step_a_deployment_is_scaled(j: Journey) -> None:
    deployment = j.ml.online_deployments.get("blue", "journey")
    deployment.instance_count = 2
    assert j.ml.online_deployments.begin_create_or_update(deployment).result().instance_count == 2
    deployment = j.ml.online_deployments.get("blue", "journey")
    deployment.instance_count = 1
    assert j.ml.online_deployments.begin_create_or_update(deployment).result().instance_count == 1


def step_variables_and_settings_change(j: Journey) -> None:
    deployment = j.ml.online_deployments.get("blue", "journey")
    deployment.environment_variables["GREETING"] = "azure"
    deployment.request_settings.request_timeout_ms = 30000
    deployment.tags["changed"] = "yes"
    made = j.ml.online_deployments.begin_create_or_update(deployment).result()
    assert (made.request_settings.request_timeout_ms, made.tags["changed"]) == (30000, "yes")
    assert j.invoke("journey", "x", "blue") == {"said": "azure says x"}


def step_an_endpoint_is_changed(j: Journey) -> None:
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.tags["c"] = "d"
    endpoint.description = "changed"
    made = j.ml.online_endpoints.begin_create_or_update(endpoint).result()
    assert (made.tags, made.description) == ({"a": "b", "c": "d"}, "changed")


# Keys and tokens


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
    wanted = j.deployment("blue", "by-token", environment="azureml:runtime:1", environment_variables={"GREETING": "t"})
    j.ml.online_deployments.begin_create_or_update(wanted).result()
    token = j.ml.online_endpoints.get_keys("by-token")
    assert token.access_token
    assert token.expiry_time_utc > time.time()
    assert token.expiry_time_utc > token.refresh_after_time_utc
    assert j.invoke("by-token", "x", "blue") == {"said": "t says x"}


def step_an_entra_token_opens_its_endpoint(j: Journey) -> None:
    wanted = j.deployment("blue", "by-entra", environment="azureml:runtime:1", environment_variables={"GREETING": "e"})
    j.ml.online_deployments.begin_create_or_update(wanted).result()
    assert j.invoke("by-entra", "x", "blue") == {"said": "e says x"}


# Connections


def step_connections(j: Journey) -> None:
    made = [
        AzureOpenAIConnection(name="aoai", azure_endpoint="https://a.example/", api_key="k1", api_version="2024-02-01"),
        OpenAIConnection(name="oai", api_key="k2"),
        ServerlessConnection(name="less", endpoint="https://s.example/", api_key="k3"),
        APIKeyConnection(name="key", api_base="https://k.example/", api_key="k4"),
    ]
    for each in made:
        assert j.ml.connections.create_or_update(each).name == each.name
    assert {each.name for each in j.ml.connections.list()} >= {each.name for each in made}
    assert j.ml.connections.get("aoai").api_key != "k1"
    assert j.ml.connections.get("aoai", populate_secrets=True).api_key == "k1"
    assert [each.name for each in j.ml.connections.list(connection_type="azure_open_ai")] == ["aoai"]
    for each in made:
        j.ml.connections.delete(each.name)
    refused(lambda: j.ml.connections.get("aoai"), ResourceNotFoundError)


# Data


def step_data_from_a_folder_and_a_file(j: Journey) -> None:
    folder = j.folder / "data"
    folder.mkdir()
    (folder / "rows.jsonl").write_text('{"text": "a"}\n')
    made = j.ml.data.create_or_update(Data(name="rows", version="1", path=folder, type=AssetTypes.URI_FOLDER))
    assert (made.type, made.version) == ("uri_folder", "1")
    again = j.ml.data.create_or_update(Data(name="rows", path=folder / "rows.jsonl", type=AssetTypes.URI_FILE))
    assert again.version == "2"
    assert j.ml.data.get("rows", label="latest").version == "2"
    assert "rows" in [each.name for each in j.ml.data.list()]
    assert {each.version for each in j.ml.data.list("rows")} == {"1", "2"}
    j.ml.data.archive("rows", version="1")
    assert [each.version for each in j.ml.data.list("rows")] == ["2"]
    j.ml.data.restore("rows", version="1")


def step_collected_data_is_a_data_asset(j: Journey) -> None:
    collections = {name: DeploymentCollection(enabled="True") for name in ("model_inputs", "model_outputs")}
    wanted = j.deployment(
        "collects", environment="azureml:runtime:1", data_collector=DataCollector(collections=collections)
    )
    j.ml.online_deployments.begin_create_or_update(wanted).result()
    assert j.invoke("journey", "kept", "collects")["said"].endswith("kept")
    asset = j.ml.data.get("journey-collects-model_inputs", version="1")
    assert "modelDataCollector/journey/collects/model_inputs" in asset.path, asset.path
    again = j.ml.online_deployments.get("collects", "journey")
    again.tags["once"] = "more"
    j.ml.online_deployments.begin_create_or_update(again).result()


# The end


def step_a_deployment_with_traffic_is_not_deleted(j: Journey) -> None:
    refused(lambda: j.ml.online_deployments.begin_delete("blue", "journey").result())


def step_a_deployment_is_deleted(j: Journey) -> None:
    j.ml.online_deployments.begin_delete("coded", "journey").result()
    refused(lambda: j.ml.online_deployments.get("coded", "journey"), ResourceNotFoundError)


def step_endpoints_are_deleted(j: Journey) -> None:
    for endpoint in list(j.ml.online_endpoints.list()):
        j.ml.online_endpoints.begin_delete(endpoint.name).result()
    refused(lambda: j.ml.online_endpoints.get("journey"), ResourceNotFoundError)
    assert list(j.ml.online_endpoints.list()) == []


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


def run(journey: Journey) -> None:
    for name, step in list(globals().items()):
        if not name.startswith("step_"):
            continue
        began, problem = time.monotonic(), None
        try:
            step(journey)
        except Exception:
            problem = traceback.format_exc()
        print(json.dumps({"step": name, "seconds": round(time.monotonic() - began, 2), "problem": problem}), flush=True)


def main() -> None:
    os.environ["JOURNEY_SETTINGS"] = sys.argv[1]
    journey = Journey(json.loads(Path(sys.argv[1]).read_text()))
    if sys.argv[2:3] == ["invoke"]:
        endpoint, text, deployment = sys.argv[3:6]
        print(
            journey.ml.online_endpoints.invoke(
                endpoint, request_file=journey.request_file(text=text), deployment_name=deployment or None
            )
        )
    else:
        run(journey)


if __name__ == "__main__":
    main()
