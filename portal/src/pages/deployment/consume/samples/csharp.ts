import { aboutPin, asciiJsonOf, type Call, quoted, type Sample } from "./call";

const trust = "export SSL_CERT_FILE=ca.pem  # .NET on Linux; elsewhere, add ca.pem to the system's trusted authorities";

export const csharp: Sample = { id: "csharp", label: "C#", language: "csharp", code, trust };

function code({ url, deployment, inputs, opener, apiKey }: Call): string {
  return `using System;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;

class Score
{
    static int Main()
    {
        var url = ${quoted(url)};
        // ${opener.charAt(0).toUpperCase()}${opener.slice(1)}.
        var apiKey = ${quoted(apiKey)};
        // The flow's inputs.
        var requestBody = ${verbatim(asciiJsonOf(inputs))};

        using (var client = new HttpClient())
        using (var request = new HttpRequestMessage(HttpMethod.Post, url))
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", apiKey);
${aboutPin("//", "            ")}
            request.Headers.Add("azureml-model-deployment", ${quoted(deployment)});
            request.Content = new StringContent(requestBody, Encoding.UTF8, "application/json");
            using (var response = client.SendAsync(request).GetAwaiter().GetResult())
            {
                var result = response.Content.ReadAsStringAsync().GetAwaiter().GetResult();
                if (!response.IsSuccessStatusCode)
                {
                    Console.Error.WriteLine("The request failed with status {0}: {1}", (int)response.StatusCode, result);
                    return 1;
                }
                Console.WriteLine(result);
                return 0;
            }
        }
    }
}
`;
}

/** In a verbatim text of C# nothing but the quote has a meaning. */
function verbatim(text: string): string {
  return `@"${text.replaceAll('"', '""')}"`;
}
