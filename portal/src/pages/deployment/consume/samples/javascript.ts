import { aboutPin, type Call, jsonOf, quoted, type Sample } from "./call";

const trust = "export NODE_EXTRA_CA_CERTS=ca.pem";

export const javascript: Sample = { id: "javascript", label: "JavaScript", language: "javascript", code, trust };

function code({ url, deployment, inputs, opener, apiKey }: Call): string {
  return `// Node.js 18 or later. Save it as score.mjs.
const url = ${quoted(url)};
// ${opener.charAt(0).toUpperCase()}${opener.slice(1)}.
const apiKey = ${quoted(apiKey)};
${setting(inputs)}

const response = await fetch(url, {
  method: "POST",
  headers: {
    Authorization: \`Bearer \${apiKey}\`,
    "Content-Type": "application/json",
${aboutPin("//", "    ")}
    "azureml-model-deployment": ${quoted(deployment)},
  },
  body: ${isExact(inputs) ? "JSON.stringify(data)" : "data"},
});
if (!response.ok) {
  throw new Error(\`The request failed with status \${response.status}: \${await response.text()}\`);
}
console.log(await response.text());
`;
}

function setting(inputs: unknown): string {
  if (isExact(inputs)) return `// The flow's inputs.\nconst data = ${objectOf(inputs)};`;
  return `// The flow's inputs, as JSON: JavaScript would write some of its numbers otherwise.
const data = ${template(jsonOf(inputs))};`;
}

/** Whether a program of JavaScript that writes the inputs as JSON writes them as they are. */
function isExact(inputs: unknown): boolean {
  const json = jsonOf(inputs);
  return jsonOf(JSON.parse(json)) === json;
}

function template(text: string): string {
  return `\`${text.replace(/[\\`]|\$(?=\{)/g, "\\$&")}\``;
}

/** JSON is JavaScript, but for a field that would be taken for the object's prototype. */
function objectOf(inputs: unknown): string {
  return jsonOf(inputs).replace(/^(\s*)"__proto__": /gm, '$1["__proto__"]: ');
}
