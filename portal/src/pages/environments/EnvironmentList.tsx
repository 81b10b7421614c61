import { Button, Switch } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { all } from "../../api/client";
import { keyOf } from "../../api/queries";
import { Allowed } from "../../components/Allowed";
import { Moment } from "../../components/Moment";
import { Page } from "../../components/Page";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { path, RouteLink } from "../../components/RouteLink";
import { Loaded } from "../../components/states";
import { EnvironmentDrawer } from "./EnvironmentDrawer";
import type { Container } from "./environment";

const COLUMNS: Column<Container>[] = [
  {
    label: "Name",
    cell: (each) => <RouteLink to={path("/environments", each.name)}>{each.name}</RouteLink>,
    sort: (each) => each.name,
  },
  {
    label: "Latest version",
    cell: (each) => each.properties.latestVersion ?? "–",
    sort: (each) => each.properties.latestVersion ?? "",
  },
  { label: "Description", cell: (each) => each.properties.description || "–", wide: true },
  {
    label: "Changed",
    cell: (each) => <Moment at={each.systemData?.lastModifiedAt} />,
    sort: (each) => each.systemData?.lastModifiedAt ?? "",
    wide: true,
  },
];

type Search = { new?: string; archived?: string };

export default function EnvironmentList() {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const show = (next: Search) => void navigate({ to: ".", search: next as never });
  const archived = search.archived !== undefined;
  const view = archived ? "ArchivedOnly" : "ActiveOnly";
  const query = useQuery({
    queryKey: keyOf("/environments", view),
    queryFn: () => all<Container>("/environments", { listViewType: view }),
  });
  return (
    <Page
      title="Environments"
      lead="What deployments start from: the prompt flow runtime, and the packages that are added to it."
      actions={
        <Allowed to="environments/versions/write">
          <Button appearance="primary" icon={<AddRegular />} onClick={() => show({ ...search, new: "" })}>
            New environment
          </Button>
        </Allowed>
      }
    >
      <Loaded query={query}>
        {(environments) => (
          <ResourceTable
            label="Environments"
            rows={environments}
            columns={COLUMNS}
            keyOf={(each) => each.id}
            textOf={(each) => `${each.name} ${each.properties.description ?? ""}`}
            tools={
              <Switch
                label="Archived ones"
                checked={archived}
                onChange={(_, { checked }) => show(checked ? { archived: "" } : {})}
              />
            }
          />
        )}
      </Loaded>
      {search.new !== undefined && <EnvironmentDrawer onClose={() => show(archived ? { archived: "" } : {})} />}
    </Page>
  );
}
