import { Suspense } from "react";
import { DEPLOY } from "../../api/permissions";
import { Allowed } from "../../components/Allowed";
import { lazily } from "../../components/lazily";
import { Page } from "../../components/Page";
import { PageTabs, useTab } from "../../components/PageTabs";
import { RouteButton } from "../../components/RouteLink";
import { Loading } from "../../components/states";

/** The tabs, in their order; the first is shown when the address names none. */
const TABS = [
  { id: "deployments", label: "Deployments", view: lazily(() => import("./DeploymentsTab")) },
  { id: "endpoints", label: "Endpoints", view: lazily(() => import("./EndpointsTab")) },
  { id: "models", label: "Models", view: lazily(() => import("../models/ModelsTab")) },
] as const;

export default function EndpointList() {
  const shown = useTab(TABS);
  return (
    <Page
      title="Models + endpoints"
      lead="What is deployed, where it answers, and the models it was made from."
      actions={
        <Allowed to={DEPLOY} anywhere>
          <RouteButton to="/flows" appearance="primary">
            Deploy a flow
          </RouteButton>
        </Allowed>
      }
    >
      <PageTabs tabs={TABS} shown={shown} />
      <Suspense fallback={<Loading />}>
        <shown.view />
      </Suspense>
    </Page>
  );
}
