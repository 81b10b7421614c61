import { aboutPin, type Call, jsonOf, quoted, type Sample } from "./call";

const trust = "export SSL_CERT_FILE=ca.pem";

export const go: Sample = { id: "go", label: "Go", language: "go", code, trust };

function code({ url, deployment, inputs, opener, apiKey }: Call): string {
  return `package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	url := ${quoted(url)}
	// ${opener.charAt(0).toUpperCase()}${opener.slice(1)}.
	apiKey := ${quoted(apiKey)}
	// The flow's inputs.
	requestBody := ${raw(jsonOf(inputs))}

	request, err := http.NewRequest("POST", url, strings.NewReader(requestBody))
	if err != nil {
		fail(err)
	}
	request.Header.Set("Authorization", "Bearer "+apiKey)
	request.Header.Set("Content-Type", "application/json")
${aboutPin("//", "\t")}
	request.Header.Set("azureml-model-deployment", ${quoted(deployment)})

	response, err := http.DefaultClient.Do(request)
	if err != nil {
		fail(err)
	}
	defer response.Body.Close()
	result, err := io.ReadAll(response.Body)
	if err != nil {
		fail(err)
	}
	if response.StatusCode != 200 {
		fail(fmt.Errorf("the request failed with status %d: %s", response.StatusCode, result))
	}
	fmt.Println(string(result))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
`;
}

/** A raw text of Go ends at the first backtick; JSON has another way to write one. */
function raw(json: string): string {
  return `\`${json.replaceAll("`", "\\u0060")}\``;
}
