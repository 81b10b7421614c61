"""What a model says of the flow that it is made of. Pure."""

from __future__ import annotations

from flowstead_runtime.flow.definition import FlowDefinition


def flow_properties(flow: FlowDefinition, name: str) -> dict[str, str]:
    """The model properties by which Azure's pages know a prompt flow, and a chat flow's inputs and outputs. name: the
    flow's, which they call its id."""
    properties = {"azureml.promptflow.source_flow_id": name}
    if not flow.is_chat:
        return properties
    properties["azureml.promptflow.mode"] = "chat"
    properties["azureml.promptflow.chat_input"] = next(n for n, i in flow.inputs.items() if i.is_chat_input)
    chat_output = next((n for n, o in flow.outputs.items() if o.is_chat_output), "")
    return {**properties, "azureml.promptflow.chat_output": chat_output} if chat_output else properties
