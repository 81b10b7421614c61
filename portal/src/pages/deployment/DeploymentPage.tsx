import { Tab, TabList } from "@fluentui/react-components";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { Page } from "../../components/Page";
import { Loading } from "../../components/states";

/** The tabs, in their order; the first is shown when the address names none. */
const TABS = [
  { id: "details", label: "Details", view: lazy(() => import("./details/DetailsTab")) },
  { id: "test", label: "Test", view: lazy(() => import("./test/TestTab")) },
  { id: "consume", label: "Consume", view: lazy(() => import("./consume/ConsumeTab")) },
  { id: "logs", label: "Logs", view: lazy(() => import("./logs/LogsTab")) },
  { id: "data", label: "Data", view: lazy(() => import("./data/DataTab")) },
] as const;

export default function DeploymentPage() {
  const { endpoint = "", deployment = "" } = useParams({ strict: false });
  const search = useSearch({ strict: false }) as { tab?: string };
  const navigate = useNavigate();
  const shown = TABS.find((tab) => tab.id === search.tab) ?? TABS[0];
  return (
    <Page title={deployment}>
      <TabList
        selectedValue={shown.id}
        onTabSelect={(_, { value }) => void navigate({ to: ".", search: { tab: String(value) } as never })}
      >
        {TABS.map((tab) => (
          <Tab key={tab.id} value={tab.id}>
            {tab.label}
          </Tab>
        ))}
      </TabList>
      <Suspense fallback={<Loading />}>
        <shown.view key={`${endpoint}/${deployment}`} endpoint={endpoint} deployment={deployment} />
      </Suspense>
    </Page>
  );
}
