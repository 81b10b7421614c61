import { aboutPin, asciiJsonOf, type Call, quoted, type Sample } from "./call";

/** The curl of R takes it from the program alone. */
const trust = `sed -i 's/new_handle(/&cainfo = "ca.pem", /' score.R`;

export const r: Sample = { id: "r", label: "R", language: "r", code, trust };

function code({ url, deployment, inputs, opener, apiKey }: Call): string {
  return `# R 4.0 or later. install.packages("curl"), or on Debian: apt install r-cran-curl
library(curl)

url <- ${quoted(url)}
# ${opener.charAt(0).toUpperCase()}${opener.slice(1)}.
api_key <- ${quoted(apiKey)}
# The flow's inputs.
request_body <- ${raw(asciiJsonOf(inputs))}

handle <- new_handle(copypostfields = request_body)
handle_setheaders(
  handle,
  "Authorization" = paste("Bearer", api_key),
  "Content-Type" = "application/json",
${aboutPin("#", "  ")}
  "azureml-model-deployment" = ${quoted(deployment)}
)
response <- curl_fetch_memory(url, handle = handle)
result <- rawToChar(response$content)
if (response$status_code != 200) {
  stop(sprintf("The request failed with status %d: %s", response$status_code, result))
}
writeLines(result, useBytes = TRUE)
`;
}

/** A raw text of R ends at a bracket, some dashes and a quote: with more dashes than stand so in the text. */
function raw(text: string): string {
  let dashes = "";
  while (text.includes(`)${dashes}"`)) dashes += "-";
  return `r"${dashes}(${text})${dashes}"`;
}
