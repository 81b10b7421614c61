/** Deploy on a flow, or on a model that is registered. */

import { Button, MessageBar, MessageBarActions, MessageBarBody, Text } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { urlOf, WORKSPACE_ID } from "../../api/client";
import { keyOf } from "../../api/queries";
import { Page } from "../../components/Page";
import { path, RouteButton } from "../../components/RouteLink";
import { Empty, Failure, Loaded, Loading } from "../../components/states";
import { ask, type Examined, useEndpoints, useFlow } from "./facts";
import type { Source } from "./form";
import { Wizard } from "./Wizard";

type Search = { endpoint?: string; version?: string; model?: string };
type FlowRecord = { name: string; properties: { version?: string | null } };

export default function DeployWizard() {
  const { flow = "" } = useParams({ strict: false });
  const search = useSearch({ strict: false }) as Search;
  if (flow) return <DeployFlow key={flow} name={flow} />;
  return <DeployModel key={search.model} model={search.model ?? ""} />;
}

function DeployFlow({ name }: { name: string }) {
  const { version } = useSearch({ strict: false }) as Search;
  const below = `/flows/${encodeURIComponent(name)}`;
  const query = useQuery({
    queryKey: keyOf(`/flows/${name}`, "record"),
    queryFn: () => ask<FlowRecord>("GET", urlOf(below)),
  });
  return (
    <Page title={`Deploy ${name}`} lead="Deploy the flow as a managed online endpoint for real-time inference.">
      <Loaded query={query}>
        {(record) =>
          record.properties.version ? (
            <PinnedFlow name={record.name} latest={record.properties.version} wanted={String(version ?? "")} />
          ) : (
            <Empty
              title="The flow has no files yet"
              action={<RouteButton to={path("/flows", name)}>Open the flow</RouteButton>}
            >
              Add some in the flow's editor, then deploy it.
            </Empty>
          )
        }
      </Loaded>
    </Page>
  );
}

/** The version that was there when the wizard was opened, until the person takes a later one. */
function PinnedFlow({ name, latest, wanted }: { name: string; latest: string; wanted: string }) {
  const [version, setVersion] = useState(wanted || latest);
  return (
    <>
      {version !== latest && (
        <MessageBar layout="multiline">
          <MessageBarBody>
            The flow has been changed: this deploys version {version}, the latest is {latest}.
          </MessageBarBody>
          <MessageBarActions>
            <Button onClick={() => setVersion(latest)}>Deploy version {latest}</Button>
          </MessageBarActions>
        </MessageBar>
      )}
      <Sourced source={{ kind: "flow", name, version }} home={path("/flows", name)} />
    </>
  );
}

/** model: `NAME:VERSION`. */
function DeployModel({ model }: { model: string }) {
  const [, name = "", version = ""] = /^(.+):(.+)$/.exec(model) ?? [];
  const id = `${WORKSPACE_ID}/models/${name}/versions/${version}`;
  return (
    <Page title={name ? `Deploy ${name}` : "Deploy"} lead={version && `Version ${version} of a registered model.`}>
      {name ? (
        <Sourced source={{ kind: "model", name, version, id }} home="/endpoints" />
      ) : (
        <Empty title="Choose what to deploy" action={<RouteButton to="/flows">Open the flows</RouteButton>}>
          Open a flow and select Deploy.
        </Empty>
      )}
    </Page>
  );
}

function Sourced({ source, home }: { source: Source; home: string }) {
  const { endpoint } = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const [begun] = useState(endpoint ?? "");
  const flow = useFlow(source);
  const endpoints = useEndpoints();
  const failed = [flow, endpoints].find((query) => query.isError && query.data === undefined);
  if (failed) return <Failure failure={failed.error} retry={() => void failed.refetch()} />;
  if (!flow.data || !endpoints.data) return <Loading />;
  if (!flow.data.valid || !flow.data.flow) return <Invalid examined={flow.data} home={home} />;
  return (
    <Wizard
      source={source}
      flow={flow.data.flow}
      endpoints={endpoints.data}
      wanted={begun}
      onCancel={() => void navigate({ to: home } as never)}
    />
  );
}

function Invalid({ examined, home }: { examined: Examined; home: string }) {
  const errors = examined.problems.filter((each) => each.severity === "error");
  return (
    <Empty title="The flow has mistakes" action={<RouteButton to={home}>Open the flow</RouteButton>}>
      Mend them, then deploy it.
      {errors.map(({ file, line, message }) => (
        <Text key={`${file}:${line} ${message}`} block>
          {[file, line || ""].filter(Boolean).join(":")} {message}
        </Text>
      ))}
    </Empty>
  );
}
