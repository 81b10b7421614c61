"""A chat flow deployed by files like those that Microsoft publishes for it, in their order, down to a real answer."""

from __future__ import annotations

from pathlib import Path

from azure.ai.ml import load_connection, load_model, load_online_deployment, load_online_endpoint

from tests.sdk.traveller import IMAGE, Journey

SCHEMA = "$schema: https://azuremlschemas.azureedge.net/latest"
FLOW = """\
inputs:
  question:
    type: string
    is_chat_input: true
    default: What can you do?
outputs:
  answer:
    type: string
    reference: ${chat.output}
    is_chat_output: true
nodes:
- name: chat
  type: llm
  source:
    type: code
    path: chat.jinja2
  inputs:
    deployment_name: gpt-35-turbo
    max_tokens: "256"
    temperature: "0.7"
    question: ${inputs.question}
  api: chat
  provider: AzureOpenAI
  connection: chat_connection
node_variants: {}
"""
ROUTES = """\
  inference_config:
    liveness_route:
      path: /health
      port: 8080
    readiness_route:
      path: /health
      port: 8080
    scoring_route:
      path: /score
      port: 8080
"""
DEPLOYMENT = """\
instance_type: Standard_E16s_v3
instance_count: 1
environment_variables:
  # A comment between the keys, as the samples have them.
  PROMPTFLOW_RUN_MODE: serving
  PRT_CONFIG_OVERRIDE: deployment.subscription_id=<subscription_id>,deployment.resource_group=<resourcegroup_name>,\
deployment.workspace_name=<workspace_name>,deployment.endpoint_name=sample-chat,deployment.deployment_name=NAME
"""


def step_the_sample_flow_gets_its_connection(j: Journey) -> None:
    text = f"name: chat_connection\ntype: azure_open_ai\nazure_endpoint: {j.settings['llm']}\napi_key: any\n"
    file = written(
        j, "azure_openai.yaml", f"{SCHEMA}/workspaceConnection.schema.json\n{text}api_version: '2024-02-01'\n"
    )
    assert j.ml.connections.create_or_update(load_connection(file)).azure_endpoint == j.settings["llm"]


def step_the_sample_model_is_registered(j: Journey) -> None:
    written(j, "../chat/flow.dag.yaml", FLOW)
    written(j, "../chat/chat.jinja2", "system:\nYou help.\n\nuser:\n{{question}}\n")
    file = written(
        j,
        "model.yaml",
        f"{SCHEMA}/model.schema.json\nname: sample-chat\npath: ../chat\n"
        "properties:\n  azureml.promptflow.source_flow_id: sample-chat\n\n  azureml.promptflow.mode: chat\n"
        "  azureml.promptflow.chat_input: question\n  azureml.promptflow.chat_output: answer\n",
    )
    assert j.ml.models.create_or_update(load_model(file)).version == "1"


def step_the_sample_endpoint_is_created(j: Journey) -> None:
    text = "name: sample-chat\nauth_mode: key\nproperties:\n  enforce_access_to_default_secret_stores: enabled\n"
    file = written(j, "endpoint-system-identity.yaml", f"{SCHEMA}/managedOnlineEndpoint.schema.json\n{text}")
    made = j.ml.online_endpoints.begin_create_or_update(load_online_endpoint(file)).result()
    assert made.identity.type == "system_assigned", made.identity.type


def step_the_sample_deployment_is_created(j: Journey) -> None:
    text = f"name: chat\nendpoint_name: sample-chat\nmodel: azureml:sample-chat:1\nenvironment:\n  image: {IMAGE}\n"
    whole = f"{SCHEMA}/managedOnlineDeployment.schema.json\n{text}{ROUTES}{DEPLOYMENT.replace('NAME', 'chat')}"
    file = written(j, "deployment.yaml", whole)
    made = j.ml.online_deployments.begin_create_or_update(load_online_deployment(file)).result()
    assert made.provisioning_state == "Succeeded"
    endpoint = j.ml.online_endpoints.get("sample-chat")
    endpoint.traffic = {"chat": 100}
    j.ml.online_endpoints.begin_create_or_update(endpoint).result()


def step_the_sample_flow_answers_by_its_model(j: Journey) -> None:
    answer = j.score("sample-chat", {"question": "How are you?"})
    assert answer.status_code == 200, answer.text
    assert "gpt-35-turbo" in answer.json()["answer"], "the provider says which model was asked"
    assert "How are you?" in answer.json()["answer"]


def step_the_sample_with_a_build_context_is_created(j: Journey) -> None:
    """The sample itself is broken in two places; they are replaced, as whoever uses it must."""
    written(
        j, "image_build/Dockerfile", f"FROM {IMAGE}\nCOPY ./requirements.txt .\nRUN pip install -r requirements.txt"
    )
    written(j, "image_build/requirements.txt", "###### A heading ######\npython-slugify == 8.0.4        # a remark")
    text = (
        "name: custom-docker\nendpoint_name: sample-chat\nmodel:\n  path: ./not-there\n  properties:\n"
        "    azureml.promptflow.source_flow_id: {insert random GUID}\n    azureml.promptflow.mode: chat\n"
        "environment:\n  build:\n    path: image_build\n    dockerfile_path: Dockerfile\n"
    )
    whole = f"{SCHEMA}/managedOnlineDeployment.schema.json\n{text}{ROUTES}{DEPLOYMENT.replace('NAME', 'custom-docker')}"
    file = written(j, "deployment-with-docker-context.yaml", whole)
    override = [
        {"model.path": str(file.parent.parent / "chat")},
        {"model.properties": {"azureml.promptflow.source_flow_id": "sample-chat"}},
    ]
    wanted = load_online_deployment(file, params_override=override)
    assert j.ml.online_deployments.begin_create_or_update(wanted).result().provisioning_state == "Succeeded"
    answer = j.score("sample-chat", {"question": "And you?"}, **{"azureml-model-deployment": "custom-docker"})
    assert "And you?" in answer.json()["answer"], answer.text


def written(j: Journey, name: str, text: str) -> Path:
    """A file of the samples' folder."""
    file = (j.folder / "samples" / "deploy-flow" / name).resolve()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file
