import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "../../api/client";
import { all, api, at, body, SITE } from "../../api/client";
import { keyOf } from "../../api/queries";
import { Panel } from "../../components/Panel";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { Loaded } from "../../components/states";

type Size = {
  id: string;
  name: string;
  properties: { cores: number; memoryGiB: number; gpus: number; quotaLeft: { cores: number; instances: number } };
};

const USAGE: Column<Schemas["Usage"]>[] = [
  { label: "What", cell: ({ name }) => name.localizedValue },
  { label: "Used", width: "6rem", cell: ({ currentValue }) => currentValue },
  { label: "Limit", width: "6rem", cell: ({ limit }) => limit ?? "–" },
];
const SIZES: Column<Size>[] = [
  { label: "Virtual machine", cell: ({ name }) => name, sort: ({ name }) => name },
  { label: "Cores", cell: ({ properties }) => properties.cores, sort: ({ properties }) => properties.cores },
  {
    label: "Memory",
    cell: ({ properties }) => `${properties.memoryGiB} GiB`,
    sort: ({ properties }) => properties.memoryGiB,
  },
  {
    label: "GPUs",
    wide: true,
    cell: ({ properties }) => properties.gpus || "–",
    sort: ({ properties }) => properties.gpus,
  },
  {
    label: "Quota is enough for",
    cell: ({ properties: { quotaLeft } }) => `${quotaLeft.instances} more`,
    sort: ({ properties }) => properties.quotaLeft.instances,
  },
];

/** What the project has to give, and what is taken of it. */
export function Quota() {
  const usage = useQuery({
    queryKey: keyOf("/usage"),
    queryFn: async () => (await body(api.GET(`${SITE}/usage`, { params: { path: at() } }))).value,
  });
  const sizes = useQuery({
    queryKey: keyOf("/instanceTypes", "settings"),
    queryFn: () => all<Size>("/instanceTypes"),
  });
  return (
    <>
      <Panel title="Quota and usage">
        <Loaded query={usage}>
          {(rows) => <ResourceTable label="Usage" rows={rows} columns={USAGE} keyOf={({ id }) => id} />}
        </Loaded>
      </Panel>
      <Panel title="Virtual machine sizes">
        <Loaded query={sizes}>
          {(rows) => (
            <ResourceTable
              label="Virtual machine sizes"
              rows={rows}
              columns={SIZES}
              keyOf={({ id }) => id}
              textOf={({ name }) => name}
            />
          )}
        </Loaded>
      </Panel>
    </>
  );
}
