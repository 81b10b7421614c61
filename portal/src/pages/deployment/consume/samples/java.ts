import { aboutPin, asciiJsonOf, type Call, quoted, type Sample } from "./call";

const trust = `keytool -importcert -noprompt -alias flowstead -file ca.pem \\
  -keystore trusted.p12 -storetype PKCS12 -storepass changeit
export JAVA_TOOL_OPTIONS="-Djavax.net.ssl.trustStore=trusted.p12 -Djavax.net.ssl.trustStorePassword=changeit"`;

export const java: Sample = { id: "java", label: "Java", language: "java", code, trust };

function code({ url, deployment, inputs, opener, apiKey }: Call): string {
  return `// Java 11 or later: java Score.java
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

class Score {
    public static void main(String[] arguments) throws Exception {
        String url = ${quoted(url)};
        // ${opener.charAt(0).toUpperCase()}${opener.slice(1)}.
        String apiKey = ${quoted(apiKey)};
        // The flow's inputs.
        String requestBody = ${lines(asciiJsonOf(inputs))};

        HttpRequest request = HttpRequest.newBuilder(URI.create(url))
            .header("Authorization", "Bearer " + apiKey)
            .header("Content-Type", "application/json")
${aboutPin("//", "            ")}
            .header("azureml-model-deployment", ${quoted(deployment)})
            .POST(HttpRequest.BodyPublishers.ofString(requestBody))
            .build();
        HttpResponse<String> response = HttpClient.newHttpClient()
            .send(request, HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() != 200) {
            System.err.println("The request failed with status " + response.statusCode() + ": " + response.body());
            System.exit(1);
        }
        System.out.println(response.body());
    }
}
`;
}

/** A text for each line, put together: texts over several lines are younger than Java 11. */
function lines(text: string): string {
  return text
    .split("\n")
    .map((line, index, all) => quoted(index < all.length - 1 ? `${line}\n` : line))
    .join("\n            + ");
}
