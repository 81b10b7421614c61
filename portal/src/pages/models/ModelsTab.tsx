import { Link, Switch } from "@fluentui/react-components";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { type DeploymentRow, useDeployments } from "../../api/endpoints";
import { DEPLOY } from "../../api/permissions";
import { Allowed } from "../../components/Allowed";
import { Moment } from "../../components/Moment";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { RouteButton } from "../../components/RouteLink";
import { Empty, Loaded } from "../../components/states";
import { DeploymentLinks } from "./DeploymentLinks";
import { ModelDrawer } from "./ModelDrawer";
import { type Model, useModels, usersOf } from "./models";

/** The model that is open stands in the address. */
export default function ModelsTab() {
  const query = useModels();
  const deployments = useDeployments();
  const [archived, setArchived] = useState(false);
  const { model: open = "" } = useSearch({ strict: false }) as { model?: string };
  const navigate = useNavigate();
  const show = (model: string) =>
    void navigate({ to: ".", search: { tab: "models", ...(model && { model }) } as never });
  // biome-ignore lint/correctness/useExhaustiveDependencies: `show` says the same each time
  const columns = useMemo(() => columnsOf(deployments.data ?? [], show), [deployments.data]);
  return (
    <Loaded query={query}>
      {(models) =>
        models.length === 0 ? (
          <Empty
            title="No models yet"
            action={
              <RouteButton to="/flows" appearance="primary">
                Go to Flows
              </RouteButton>
            }
          >
            Deploying a flow registers its files as a model. On the command line, flowstead model create does it alone.
          </Empty>
        ) : (
          <>
            <ResourceTable
              label="Models"
              rows={models.filter((model) => archived || !model.properties.isArchived)}
              columns={columns}
              keyOf={(model) => model.id}
              textOf={textOf}
              tools={
                <Switch
                  label="Show archived"
                  checked={archived}
                  onChange={(_, { checked }) => setArchived(Boolean(checked))}
                />
              }
            />
            {open && <ModelDrawer name={open} deployments={deployments.data ?? []} onClose={() => show("")} />}
          </>
        )
      }
    </Loaded>
  );
}

function columnsOf(deployments: readonly DeploymentRow[], show: (model: string) => void): readonly Column<Model>[] {
  return [
    {
      label: "Name",
      cell: (model) => (
        <Link as="button" onClick={() => show(model.name)}>
          {model.name}
          {model.properties.isArchived && " (archived)"}
        </Link>
      ),
      sort: (model) => model.name,
    },
    {
      label: "Latest version",
      cell: (model) => model.properties.latestVersion ?? "None",
      sort: (model) => model.properties.latestVersion ?? "",
      width: "8rem",
    },
    {
      label: "Used by",
      cell: (model) => <DeploymentLinks deployments={usersOf(deployments, model.name)} most={2} />,
      sort: (model) => usersOf(deployments, model.name).length,
      wide: true,
    },
    { label: "Description", cell: (model) => model.properties.description, wide: true },
    {
      label: "Created",
      cell: (model) => <Moment at={model.systemData?.createdAt} />,
      sort: (model) => model.systemData?.createdAt ?? "",
      width: "8rem",
      wide: true,
    },
    {
      label: "Actions",
      action: true,
      cell: ({ name, properties: { latestVersion } }) =>
        latestVersion && (
          <Allowed to={DEPLOY} anywhere>
            <RouteButton
              size="small"
              to="/deploy"
              search={{ model: `${name}:${latestVersion}` }}
              aria-label={`Deploy ${name}:${latestVersion}`}
            >
              Deploy
            </RouteButton>
          </Allowed>
        ),
      width: "6.5rem",
    },
  ];
}

function textOf({ name, properties }: Model): string {
  return [name, properties.description, ...Object.entries(properties.tags)].join(" ");
}
