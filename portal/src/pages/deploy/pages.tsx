/** The wizard's pages, in their order. */

import type { ComponentType } from "react";
import { BasicSettings } from "./BasicSettings";
import { DeploymentSettings } from "./DeploymentSettings";
import { EndpointSettings } from "./EndpointSettings";
import type { PageId } from "./fields";
import type { Facts, Form } from "./form";
import { OutputsAndConnections } from "./OutputsAndConnections";

export type ViewProps = {
  form: Form;
  set: (part: Partial<Form>) => void;
  facts: Facts;
  /** What is wrong with a field. late: not before the person has tried to go on. */
  say: (field: string, late?: boolean) => string;
};

type WizardPage = {
  id: PageId;
  label: string;
  title: string;
  /** Of the ways that lie beside the short one. */
  advanced: boolean;
  view: ComponentType<ViewProps>;
};

export const PAGES: readonly WizardPage[] = [
  { id: "basic", label: "Basic settings", title: "Basic settings", advanced: false, view: BasicSettings },
  { id: "endpoint", label: "Endpoint", title: "Advanced settings: Endpoint", advanced: true, view: EndpointSettings },
  {
    id: "deployment",
    label: "Deployment",
    title: "Advanced settings: Deployment",
    advanced: true,
    view: DeploymentSettings,
  },
  {
    id: "outputs",
    label: "Outputs & Connections",
    title: "Advanced settings: Outputs & Connections",
    advanced: true,
    view: OutputsAndConnections,
  },
];

/** After them all. */
export const REVIEW = { id: "review", label: "Review", title: "Review + Create" } as const;
/** After Create. */
export const PROGRESS = "progress";
export type StepId = PageId | typeof REVIEW.id;
