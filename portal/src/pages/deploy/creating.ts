/** Create: from the form to a deployment that the server is making, in the article's three stages. It goes on while the
 * person looks at other pages. */

import { ApiError, all } from "../../api/client";
import { Creation, STAGES, type StageName, sameResource } from "../../api/creations";
import { noteChange } from "../../api/queries";
import { textOf } from "../../components/toasts";
import { unlessTaken } from "../../components/useSubmission";
import { type Body, deploymentBody, endpointBody, isFirst, modelBody, withAllTraffic } from "./bodies";
import { type Deployment, type Endpoint, endpointOf, type Facts, type Form, isNew } from "./form";
import { modelNameFrom } from "./names";
import { get, put, settled } from "./sending";

/** What has been made so far: on a failure it is there, and is said. */
type Made = { endpoint?: string; model?: string; deployment?: string };
type Work = { form: Form; facts: Facts; creation: Creation; made: Made };

const WORK: Record<StageName, (work: Work) => Promise<void>> = {
  "Creating an endpoint": createEndpoint,
  "Registering a model": registerModel,
  "Creating a deployment": createDeployment,
};

/** Never throws: what fails is told of by the notification. */
export async function create(form: Form, facts: Facts): Promise<void> {
  const creation = new Creation(endpointOf(form), form.deployment);
  const work: Work = { form, facts, creation, made: {} };
  addEventListener("beforeunload", askBeforeLeaving);
  try {
    for (const stage of STAGES) {
      creation.begin(stage);
      await WORK[stage](work);
      // The last stage lasts until the deployment is ready; that the server tells.
      if (stage !== "Creating a deployment") creation.end();
    }
  } catch (failure) {
    const code = failure instanceof ApiError ? failure.code : "";
    creation.fail(code, [textOf(failure), whatIsThere(work)].join("\n"));
  } finally {
    removeEventListener("beforeunload", askBeforeLeaving);
  }
}

async function createEndpoint({ form, made }: Work): Promise<void> {
  if (!isNew(form)) return;
  const path = `/onlineEndpoints/${form.newEndpoint}`;
  // Somebody may have made one of this name meanwhile: that is not ours to change.
  await unlessTaken(
    async () => void (await put(path, endpointBody(form), { "If-None-Match": "*" })),
    () => takenMeanwhile(form.newEndpoint),
  );
  made.endpoint = form.newEndpoint;
  const endpoint = await settled(path);
  const { provisioningState, provisioningError } = endpoint.properties;
  if (provisioningState !== "Succeeded") {
    throw new Error(provisioningError?.message ?? `The endpoint's creation ended as ${provisioningState}.`);
  }
}

function takenMeanwhile(endpoint: string): ApiError {
  const hint = "Go back to the settings: choose it there as an existing endpoint, or type another name.";
  return new ApiError(412, "EndpointExists", `Somebody else has made an endpoint ${endpoint} meanwhile.`, hint);
}

async function registerModel({ facts: { source, flow }, made }: Work): Promise<void> {
  if (source.kind === "model") {
    made.model = source.id;
    return;
  }
  const name = modelNameFrom(source.name);
  const version = await nextVersion(name);
  const { data } = await put(`/models/${name}/versions/${version}`, modelBody(source, flow));
  made.model = data.id;
}

async function createDeployment({ form, facts, creation, made }: Work): Promise<void> {
  const path = `/onlineEndpoints/${endpointOf(form)}`;
  const [endpoint, deployments] = await Promise.all([get<Endpoint>(path), all<Deployment>(`${path}/deployments`)]);
  const first = isFirst(endpoint.data, deployments, form.deployment);
  const body = deploymentBody(form, facts.flow, made.model ?? "");
  const { data, headers } = await put(`${path}/deployments/${form.deployment}`, body);
  made.deployment = data.id;
  // At once: there is nobody whom it could fail, and nobody may be here any more when it is ready, perhaps after somebody
  // has made a connection or a grant that it waits for.
  if (first) await sendAllTraffic(path, form.deployment);
  creation.handOver(headers.get("Azure-AsyncOperation")?.split(":").at(-1) ?? "");
  noteChange("/notifications");
}

async function sendAllTraffic(path: string, deployment: string): Promise<void> {
  const { data, headers } = await get<Endpoint & Body>(path);
  const body = withAllTraffic(data as never, deployment);
  await put(path, body, { "If-Match": headers.get("ETag") ?? "*" });
}

/** What a failure half-way leaves behind, and what to do with it. */
function whatIsThere({ form, facts, made }: Work): string {
  const place = `${endpointOf(form)}/${form.deployment}`;
  if (made.deployment)
    return `The deployment ${place} is being created, and gets no traffic: set it on its endpoint's page.`;
  const there: string[] = [];
  if (made.endpoint) there.push(`the endpoint ${made.endpoint}`);
  if (made.model && facts.source.kind === "flow") there.push(`the model ${nameOf(made.model)}`);
  if (there.length === 0) return "Nothing has been created.";
  return `What exists now: ${there.join(" and ")}. The deployment ${place} has not been created or changed.`;
}

function nameOf(model: string): string {
  const [name, , version] = model.split("/").slice(-3);
  return `${name}, version ${version}`;
}

type Container = { name: string; properties: { nextVersion: string } };

/** The version that the model's next registration gets. Looked up in the list, for one that is not there is no error. */
export async function nextVersion(name: string): Promise<string> {
  const found = await all<Container>("/models", { listViewType: "All" });
  return found.find((each) => sameResource(each.name, name))?.properties.nextVersion ?? "1";
}

function askBeforeLeaving(event: BeforeUnloadEvent): void {
  event.preventDefault();
}
