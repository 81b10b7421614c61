/** The pages, each in a chunk of its own. */

import { createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import { lazily } from "./components/lazily";
import { Loading } from "./components/states";
import { NotFound } from "./pages/NotFound";
import { PageFailure } from "./pages/PageFailure";
import { Shell } from "./shell/Shell";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const PAGES = [
  page("/", () => import("./pages/overview/Overview")),
  page("/flows", () => import("./pages/flows/FlowList")),
  page("/flows/$flow", () => import("./pages/flows/FlowEditor")),
  page("/flows/$flow/deploy", () => import("./pages/deploy/DeployWizard")),
  page("/deploy", () => import("./pages/deploy/DeployWizard")),
  page("/endpoints", () => import("./pages/endpoints/EndpointList")),
  page("/endpoints/$endpoint", () => import("./pages/endpoints/EndpointPage")),
  page("/endpoints/$endpoint/deployments/$deployment", () => import("./pages/deployment/DeploymentPage")),
  page("/connections", () => import("./pages/connections/ConnectionList")),
  page("/connections/$connection", () => import("./pages/connections/ConnectionPage")),
  page("/environments", () => import("./pages/environments/EnvironmentList")),
  page("/environments/$environment", () => import("./pages/environments/EnvironmentPage")),
  page("/data", () => import("./pages/data/DataList")),
  page("/data/$data", () => import("./pages/data/DataPage")),
  page("/access", () => import("./pages/access/AccessPage")),
  page("/access/add", () => import("./pages/access/AddRoleAssignment")),
  page("/settings", () => import("./pages/settings/Settings")),
];

function page(path: string, load: () => Promise<{ default: React.ComponentType }>) {
  return createRoute({ getParentRoute: () => root, path, component: lazily(load) });
}

export const router = createRouter({
  routeTree: root.addChildren(PAGES),
  basepath: "/portal",
  defaultPreload: "intent",
  defaultPendingComponent: Loading,
  defaultErrorComponent: PageFailure,
  scrollRestoration: true,
});
