/** The wizard's fields, in the order in which they are asked and reviewed: on which page, by what name, what must hold
 * and what the review shows. Pure. */

import type { Pairs } from "../../components/TagsEditor";
import { answered, connectionFor, coresLeft, type Facts, type Form, isNew, overwritten, sizeNamed } from "./form";
import { LIMITS, limitProblem } from "./limits";
import { deploymentNameProblem, endpointNameProblem } from "./names";
import { countProblem, plural, type Size } from "./quota";

export type PageId = "basic" | "endpoint" | "deployment" | "outputs";

export type Field = {
  /** Also the id of its element on the page. */
  id: string;
  /** What of the form it asks. */
  asks: readonly (keyof Form)[];
  page: PageId;
  label: string;
  /** What the review says; null where the question does not arise. */
  shown: (form: Form, facts: Facts) => string | readonly string[] | null;
  /** What is wrong, "" when nothing is. */
  problem?: (form: Form, facts: Facts) => string;
};

export const AUTH_MODES = [
  { value: "Key", label: "Key-based authentication", hint: "A primary and a secondary key that do not expire." },
  {
    value: "AMLToken",
    label: "Azure Machine Learning token-based authentication",
    hint: "A token of this endpoint, which is refreshed periodically.",
  },
  {
    value: "AADToken",
    label: "Microsoft Entra token-based authentication",
    hint: "Callers bring a token of their own, and need a role that lets them score.",
  },
] as const;

export const FIELDS: readonly Field[] = [
  {
    id: "field-endpoint",
    asks: ["endpointKind", "newEndpoint", "existingEndpoint"],
    page: "basic",
    label: "Endpoint",
    shown: (form) => (isNew(form) ? `${form.newEndpoint} (new)` : `${form.existingEndpoint} (existing)`),
    problem: (form, { endpoints }) => {
      const names = endpoints.map((each) => each.name);
      if (isNew(form)) return endpointNameProblem(form.newEndpoint, names);
      return names.includes(form.existingEndpoint) ? "" : "Select an endpoint.";
    },
  },
  {
    id: "field-deployment",
    asks: ["deployment"],
    page: "basic",
    label: "Deployment name",
    shown: (form, facts) => form.deployment + (overwritten(form, facts) ? " (is overwritten)" : ""),
    problem: (form) => deploymentNameProblem(form.deployment),
  },
  {
    id: "field-size",
    asks: ["size"],
    page: "basic",
    label: "Virtual machine",
    shown: (form, { sizes }) => {
      const size = sizeNamed(sizes, form.size);
      return size ? `${size.name}: ${partsOf(size)}` : form.size;
    },
    problem: (form, { sizes }) => (sizeNamed(sizes, form.size) ? "" : "Select a virtual machine."),
  },
  {
    id: "field-count",
    asks: ["count"],
    page: "basic",
    label: "Instance count",
    shown: (form) => form.count,
    problem: (form, facts) => countProblem(form.count, sizeNamed(facts.sizes, form.size), coresLeft(form, facts)),
  },
  {
    id: "field-collect",
    asks: ["collect"],
    page: "basic",
    label: "Inference data collection",
    shown: (form) => (form.collect ? "On: inputs and outputs are kept in data assets" : "Off"),
  },
  {
    id: "field-auth",
    asks: ["authMode"],
    page: "endpoint",
    label: "Authentication type",
    shown: (form) => (isNew(form) ? (AUTH_MODES.find((each) => each.value === form.authMode)?.label ?? "") : null),
  },
  {
    id: "field-identity",
    asks: ["identityType", "identity"],
    page: "endpoint",
    label: "Identity type",
    shown: (form) => {
      if (!isNew(form)) return null;
      return form.identityType === "SystemAssigned" ? "System assigned" : `User assigned: ${lastOf(form.identity)}`;
    },
    problem: (form) =>
      isNew(form) && form.identityType === "UserAssigned" && !form.identity ? "Select an identity, or create one." : "",
  },
  {
    id: "field-enforce",
    asks: ["enforce"],
    page: "endpoint",
    label: "Enforce access to connection secrets (preview)",
    shown: (form) => (isNew(form) && form.identityType === "SystemAssigned" ? (form.enforce ? "On" : "Off") : null),
  },
  {
    id: "field-endpoint-tags",
    asks: ["endpointTags"],
    page: "endpoint",
    label: "Endpoint tags",
    shown: (form) => (isNew(form) ? pairs(form.endpointTags) : null),
  },
  {
    id: "field-deployment-tags",
    asks: ["deploymentTags"],
    page: "deployment",
    label: "Deployment tags",
    shown: (form) => pairs(form.deploymentTags),
  },
  {
    id: "field-environment",
    asks: ["environment", "environmentVersion"],
    page: "deployment",
    label: "Environment",
    shown: (form) => (form.environment ? `${form.environment}, version ${form.environmentVersion}` : "The flow's own"),
    problem: (form) => (form.environment === CUSTOM || (form.environment && !form.environmentVersion) ? PICK : ""),
  },
  {
    id: "field-variables",
    asks: ["variables"],
    page: "deployment",
    label: "Environment variables",
    shown: (form) => pairs(masked(form.variables)),
    problem: (form) => {
      const wrong = Object.keys(form.variables).find((name) => name.includes("=") || name.length > 256);
      return wrong ? `“${wrong.slice(0, 60)}” cannot be the name of an environment variable.` : "";
    },
  },
  ...LIMITS.map(
    (limit): Field => ({
      id: limit.id,
      asks: [limit.key],
      page: "deployment",
      label: limit.label,
      shown: (form) => limit.spoken(form[limit.key]),
      problem: (form) => limitProblem(limit, form[limit.key]),
    }),
  ),
  {
    id: "field-outputs",
    asks: ["leftOut"],
    page: "outputs",
    label: "Outputs in the response",
    shown: (form, { flow }) => {
      const names = answered(flow).map((each) => each.name);
      return names.length ? names.filter((name) => !form.leftOut.includes(name)) : ["None: the flow has no outputs"];
    },
    problem: (form, { flow }) => {
      const names = answered(flow).map((each) => each.name);
      return names.length && names.every((name) => form.leftOut.includes(name)) ? "Select at least one output." : "";
    },
  },
  {
    id: "field-connections",
    asks: ["overrides"],
    page: "outputs",
    label: "Connections",
    shown: (form, { flow }) =>
      flow.connections.length
        ? flow.connections.map(({ name }) => {
            const used = connectionFor(form, name);
            return used === name ? name : `${name} → ${used}`;
          })
        : ["None: the flow uses no connections"],
  },
];

/** What stands in `environment` while a custom one is wanted and none is selected. */
export const CUSTOM = "?";
const PICK = "Select an environment and a version, or use the flow's own.";

export type Problem = { field: Field; text: string };

/** What is wrong on a page, or on all of them. */
export function problemsOf(form: Form, facts: Facts, page?: PageId): Problem[] {
  return FIELDS.filter((field) => !page || field.page === page)
    .map((field) => ({ field, text: field.problem?.(form, facts) ?? "" }))
    .filter(({ text }) => text !== "");
}

/** `4 cores, 8 GiB memory, 1 GPU`. */
export function partsOf(size: Size): string {
  const gpus = size.gpus ? `, ${plural(size.gpus, "GPU")}` : "";
  return `${plural(size.cores, "core")}, ${size.memoryGiB} GiB memory${gpus}`;
}

export function lastOf(id: string): string {
  return id.slice(id.lastIndexOf("/") + 1);
}

/** As the server tells a secret by its name. */
const SECRET_NAME =
  /(?:KEYS?|SECRETS?|TOKEN|PASSWORDS?|PASSWD|PASSPHRASE|PWD|CREDENTIALS?|AUTHORIZATION)$|(?:^|[_-])(?:SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|APIKEY|API_KEY)(?:[_-]|$)/i;

function masked(given: Pairs): Pairs {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, SECRET_NAME.test(name) && value ? "••••••••" : value]),
  );
}

function pairs(given: Pairs): readonly string[] {
  const found = Object.entries(given).map(([name, value]) => `${name} = ${value}`);
  return found.length ? found : ["None"];
}
