import { Button, Text } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { all } from "../../api/client";
import { keyOf } from "../../api/queries";
import { Allowed } from "../../components/Allowed";
import { Moment } from "../../components/Moment";
import { Page } from "../../components/Page";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { path, RouteLink } from "../../components/RouteLink";
import { Empty, Loaded } from "../../components/states";
import { ConnectionDrawer } from "./ConnectionDrawer";
import { authLabel, type Connection } from "./type";
import { typeOf } from "./types";
import { type Use, userOf, usesOf, useUses } from "./uses";

export default function ConnectionList() {
  const query = useQuery({ queryKey: keyOf("/connections"), queryFn: () => all<Connection>("/connections") });
  const uses = useUses();
  const columns = useMemo(() => columnsWith(uses.data), [uses.data]);
  const search = useSearch({ strict: false }) as { new?: string };
  const navigate = useNavigate();
  const show = (word: string | undefined) =>
    void navigate({ to: ".", search: (word === undefined ? {} : { new: word }) as never });
  const create = (
    <Allowed to="connections/write">
      <Button appearance="primary" icon={<AddRegular />} onClick={() => show("")}>
        New connection
      </Button>
    </Allowed>
  );
  return (
    <Page
      title="Connections"
      lead="Addresses with their secrets, which flows use by name."
      actions={query.data?.length ? create : undefined}
    >
      <Loaded query={query}>
        {(connections) =>
          connections.length === 0 ? (
            <Empty title="No connections yet" action={create}>
              A connection holds the address and the key of a model, a search index or any other server. A flow names
              it; its deployments get the key when they start.
            </Empty>
          ) : (
            <ResourceTable
              label="Connections"
              rows={connections}
              columns={columns}
              keyOf={(each) => each.id}
              textOf={(each) => `${each.name} ${typeOf(each).label} ${each.properties.target ?? ""}`}
            />
          )
        }
      </Loaded>
      {search.new !== undefined && <ConnectionDrawer word={search.new} onClose={() => show(undefined)} />}
    </Page>
  );
}

function columnsWith(uses: readonly Use[] | undefined): Column<Connection>[] {
  return [
    {
      label: "Name",
      cell: (each) => <RouteLink to={path("/connections", each.name)}>{each.name}</RouteLink>,
      sort: (each) => each.name,
    },
    { label: "Type", cell: labelOf, sort: labelOf },
    {
      label: "Target",
      cell: (each) => <Text title={each.properties.target ?? ""}>{each.properties.target || "–"}</Text>,
      sort: (each) => each.properties.target ?? "",
      wide: true,
    },
    {
      label: "Authentication",
      cell: (each) => authLabel(each.properties.authType),
      sort: (each) => authLabel(each.properties.authType),
      wide: true,
    },
    {
      label: "Used by",
      cell: (each) => <Users uses={usesOf(uses, each.name)} />,
      sort: (each) => usesOf(uses, each.name).length,
    },
    {
      label: "Changed",
      cell: (each) => <Moment at={each.systemData?.lastModifiedAt} />,
      sort: (each) => each.systemData?.lastModifiedAt ?? "",
      wide: true,
    },
  ];
}

function labelOf(connection: Connection): string {
  const type = typeOf(connection);
  return type.category ? type.label : connection.properties.category;
}

function Users({ uses }: { uses: readonly Use[] }) {
  const [first, ...more] = uses;
  if (!first) return <>–</>;
  const user = userOf(first);
  return (
    <Text title={uses.map((use) => userOf(use).label).join(", ")}>
      <RouteLink to={user.to}>{user.label}</RouteLink>
      {more.length > 0 && ` and ${more.length} more`}
    </Text>
  );
}
