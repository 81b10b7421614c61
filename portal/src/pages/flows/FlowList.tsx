import { Badge, Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { Allowed } from "../../components/Allowed";
import { Moment } from "../../components/Moment";
import { Page } from "../../components/Page";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { path, RouteLink } from "../../components/RouteLink";
import { Empty, Loaded } from "../../components/states";
import { type Flow, useFlows } from "./api";
import { FlowActions } from "./list/FlowActions";
import { NewFlowDialog } from "./list/NewFlowDialog";
import { Tags } from "./list/Tags";

const useStyles = makeStyles({
  name: { display: "grid", minWidth: 0, paddingBlock: tokens.spacingVerticalXS },
  description: {
    color: tokens.colorNeutralForeground2,
    overflow: "hidden",
    textOverflow: "ellipsis",
    whiteSpace: "nowrap",
  },
  link: { overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" },
});

const COLUMNS: readonly Column<Flow>[] = [
  { label: "Name", cell: (flow) => <Name flow={flow} />, sort: (flow) => flow.name.toLowerCase(), width: "40%" },
  {
    label: "Type",
    cell: ({ properties }) => <Badge appearance="tint">{properties.type}</Badge>,
    sort: ({ properties }) => properties.type,
    width: "7rem",
  },
  {
    label: "Version",
    cell: ({ properties }) => properties.version ?? "–",
    sort: ({ properties }) => Number(properties.version ?? 0),
    wide: true,
    width: "6rem",
  },
  {
    label: "Changed",
    cell: ({ systemData }) => <Moment at={systemData?.lastModifiedAt} />,
    sort: ({ systemData }) => systemData?.lastModifiedAt ?? "",
    wide: true,
    width: "8rem",
  },
  { label: "Tags", cell: ({ properties }) => <Tags tags={properties.tags} />, wide: true },
  { label: "Actions", action: true, cell: (flow) => <FlowActions flow={flow} />, width: "5rem" },
];

export default function FlowList() {
  const query = useFlows();
  const [creating, setCreating] = useState(false);
  const create = (
    <Allowed to="flows/write">
      <Button appearance="primary" icon={<AddRegular />} onClick={() => setCreating(true)}>
        Create
      </Button>
    </Allowed>
  );
  return (
    <Page title="Flows" lead="What you write, try out and deploy." actions={create}>
      <Loaded query={query}>
        {(flows) =>
          flows.length > 0 ? (
            <ResourceTable
              label="Flows"
              rows={flows}
              columns={COLUMNS}
              keyOf={(flow) => flow.name}
              textOf={({ name, properties }) =>
                [name, properties.type, properties.description, ...Object.entries(properties.tags).flat()].join(" ")
              }
            />
          ) : (
            <Empty title="There are no flows yet" action={create}>
              Begin with a template that runs as it is, or bring a flow's folder, a zip archive or a folder that the
              server watches.
            </Empty>
          )
        }
      </Loaded>
      {creating && <NewFlowDialog flows={query.data ?? []} onClose={() => setCreating(false)} />}
    </Page>
  );
}

function Name({ flow }: { flow: Flow }) {
  const styles = useStyles();
  const { description } = flow.properties;
  return (
    <div className={styles.name}>
      <RouteLink to={path("/flows", flow.name)} className={styles.link}>
        {flow.name}
      </RouteLink>
      {description && (
        <Text size={200} className={styles.description}>
          {description}
        </Text>
      )}
    </div>
  );
}
