import { writeJson } from "../../../../api/exactJson";
import { isObject } from "../../../../components/inputs/types";
import { aboutPin, type Call, quoted, type Sample } from "./call";

const trust = "export REQUESTS_CA_BUNDLE=ca.pem";

export const python: Sample = { id: "python", label: "Python", language: "python", code, trust };
export const pythonStreaming: Sample = {
  id: "python-streaming",
  label: "Python (streaming)",
  language: "python",
  code: streaming,
  trust,
};

function code(call: Call): string {
  return `# pip install requests
import requests

${setting(call)}
headers = {
    "Authorization": "Bearer " + api_key,
${aboutPin("#", "    ")}
    "azureml-model-deployment": ${quoted(call.deployment)},
}
response = requests.post(url, json=data, headers=headers, timeout=300)
if not response.ok:
    raise SystemExit(f"The request failed with status {response.status_code}: {response.text}")
print(response.text)
`;
}

function streaming(call: Call): string {
  return `# pip install requests
import json

import requests

${setting(call)}
headers = {
    "Authorization": "Bearer " + api_key,
    "Accept": "text/event-stream, application/json",
${aboutPin("#", "    ")}
    "azureml-model-deployment": ${quoted(call.deployment)},
}
with requests.post(url, json=data, headers=headers, timeout=300, stream=True) as response:
    if not response.ok:
        raise SystemExit(f"The request failed with status {response.status_code}: {response.text}")
    if "text/event-stream" not in response.headers["Content-Type"]:
        print(response.text)  # none of the flow's outputs is a stream
        raise SystemExit
    event = ""
    for line in response.iter_lines():
        name, _, value = line.decode().partition(": ")
        if name == "event":
            event = value
        elif name == "data" and event == "error":
            raise SystemExit(f"The flow failed while it answered: {value}")
        elif name == "data":
            for output, piece in json.loads(value).items():
                print(piece, end="", flush=True)
    print()
`;
}

function setting({ url, inputs, opener, apiKey }: Call): string {
  return `url = ${quoted(url)}
# ${opener.charAt(0).toUpperCase()}${opener.slice(1)}.
api_key = ${quoted(apiKey)}
# The flow's inputs.
data = ${literal(inputs, "")}`;
}

/** A JSON value as Python writes it. */
export function literal(value: unknown, by: string): string {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null || value === undefined) return "None";
  const deeper = `${by}    `;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[\n${value.map((each) => `${deeper}${literal(each, deeper)},\n`).join("")}${by}]`;
  }
  if (isObject(value)) {
    const fields = Object.entries(value);
    if (fields.length === 0) return "{}";
    return `{\n${fields.map(([name, each]) => `${deeper}${quoted(name)}: ${literal(each, deeper)},\n`).join("")}${by}}`;
  }
  return writeJson(value);
}
