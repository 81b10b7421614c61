"""Deployments of registered and of inline assets, that come up and that do not."""

from __future__ import annotations

from azure.ai.ml import load_online_deployment
from azure.ai.ml.entities import (
    CodeConfiguration,
    DefaultScaleSettings,
    Environment,
    Model,
    OnlineRequestSettings,
    ProbeSettings,
)
from azure.core.exceptions import ResourceNotFoundError

from tests.sdk.traveller import IMAGE, INFERENCE, Journey, refused


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


def step_samples_of_other_kinds_are_read(j: Journey) -> None:
    """The SDK's own samples deploy a scikit-learn model; here they are read and refused with a reason."""
    (j.folder / "onlinescoring").mkdir()
    (j.folder / "onlinescoring" / "score.py").write_text("def init(): ...\ndef run(data): ...\n")
    (j.folder / "sklearn").mkdir()
    (j.folder / "sklearn" / "model.pkl").write_bytes(b"not a flow")
    file = j.folder / "blue-deployment.yml"
    file.write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json\n"
        "name: sklearn\nendpoint_name: from-file\nmodel:\n  path: ./sklearn/\n"
        "code_configuration:\n  code: ./onlinescoring/\n  scoring_script: score.py\n"
        "environment:\n  conda_file: ./conda.yaml\n  image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04:latest\n"
        "instance_type: Standard_DS3_v2\ninstance_count: 1\n"
    )
    wanted = load_online_deployment(file)
    assert wanted.code_configuration.scoring_script == "score.py"
    refused(lambda: j.ml.online_deployments.begin_create_or_update(wanted).result())


def step_everything_that_a_deployment_may_say_is_kept(j: Journey) -> None:
    wanted = j.deployment(
        "said",
        environment="runtime@latest",
        description="says much",
        tags={"a": "b"},
        properties={"azureml.promptflow.source_flow_id": "g"},
        app_insights_enabled=True,
        egress_public_network_access="disabled",
        model_mount_path="/var/tmp/model",
        scale_settings=DefaultScaleSettings(),
        environment_variables={"GREETING": 'ünï ☺ "quoted" $HOME', "EMPTY": ""},
    )
    j.ml.online_deployments.begin_create_or_update(wanted).result()
    found = j.ml.online_deployments.get("said", "journey")
    assert (found.description, found.tags, found.app_insights_enabled) == ("says much", {"a": "b"}, True)
    assert found.egress_public_network_access == "disabled"
    assert found.properties["azureml.promptflow.source_flow_id"] == "g"
    assert found.environment_variables == wanted.environment_variables
    assert found.instance_type == "Standard_E16s_v3"
    assert j.invoke("journey", "x", "said") == {"said": 'ünï ☺ "quoted" $HOME says x'}
    j.ml.online_deployments.begin_delete("said", "journey").result()


def step_a_deployment_without_an_environment_takes_the_runtime(j: Journey) -> None:
    wanted = j.deployment("bare", environment=None)
    j.ml.online_deployments.begin_create_or_update(wanted).result()
    assert j.invoke("journey", "x", "bare") == {"said": "nobody says x"}
    j.ml.online_deployments.begin_delete("bare", "journey").result()


def step_prompt_flows_environment_of_a_registry_is_the_runtime(j: Journey) -> None:
    registry = "azureml://registries/azureml/environments"
    wanted = j.deployment("curated", environment=f"{registry}/promptflow-runtime/versions/1")
    j.ml.online_deployments.begin_create_or_update(wanted).result()
    j.ml.online_deployments.begin_delete("curated", "journey").result()
    other = j.deployment("curated", environment=f"{registry}/sklearn-1.5/labels/latest")
    refused(lambda: j.ml.online_deployments.begin_create_or_update(other).result())


def step_several_deployments_at_once(j: Journey) -> None:
    names = ("one", "two", "three")
    wanted = [j.deployment(name, environment="azureml:runtime:1") for name in names]
    pollers = [j.ml.online_deployments.begin_create_or_update(each) for each in wanted]
    assert all(poller.result().provisioning_state == "Succeeded" for poller in pollers)
    for poller in [j.ml.online_deployments.begin_delete(name, "journey") for name in names]:
        poller.result()


def step_a_deployment_is_written_to_a_file_and_read_again(j: Journey) -> None:
    file = j.folder / "dumped.yaml"
    before = j.ml.online_deployments.get("green", "journey")
    before.dump(str(file))
    after = j.ml.online_deployments.begin_create_or_update(load_online_deployment(file)).result()
    assert (after.model, after.environment_variables) == (before.model, before.environment_variables)


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


def step_a_failed_deployment_is_mended(j: Journey) -> None:
    broken = j.folder / "broken"
    wanted = j.deployment("mended", model=Model(path=broken), environment="azureml:runtime:1")
    refused(lambda: j.ml.online_deployments.begin_create_or_update(wanted).result())
    failed = j.ml.online_deployments.get("mended", "journey")
    failed.model = "azureml:greeter:1"
    assert j.ml.online_deployments.begin_create_or_update(failed).result().provisioning_state == "Succeeded"
    assert j.invoke("journey", "x", "mended") == {"said": "nobody says x"}
    j.ml.online_deployments.begin_delete("mended", "journey").result()


def step_logs_of_both_containers(j: Journey) -> None:
    assert j.ml.online_deployments.get_logs("blue", "journey", lines=50)
    text = j.ml.online_deployments.get_logs("green", "journey", lines=500, container_type="storage-initializer")
    assert "slugify" in text, text
