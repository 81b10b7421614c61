import {
  Badge,
  makeStyles,
  Table,
  TableBody,
  TableCell,
  TableHeader,
  TableHeaderCell,
  TableRow,
  Text,
  tokens,
} from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { all } from "../../../../api/client";
import { keyOf } from "../../../../api/queries";
import { path, RouteLink } from "../../../../components/RouteLink";
import { Empty, Failure, Loaded } from "../../../../components/states";
import { type Described, useExamined } from "../../api";

const useStyles = makeStyles({
  cell: { overflowWrap: "anywhere", paddingBlock: tokens.spacingVerticalXS },
  none: { padding: tokens.spacingVerticalM },
});

type Use = Described["connections"][number];

/** The connections that the flow names, and whether the workspace has them. */
export function Connections({ flow }: { flow: string }) {
  const styles = useStyles();
  return (
    <Loaded query={useExamined(flow)}>
      {({ flow: described }) => {
        if (!described) return <Empty title="Not known yet">Mend what the problems name first.</Empty>;
        if (described.connections.length > 0) return <Used uses={described.connections} />;
        return (
          <Text block className={styles.none}>
            The flow uses no connection.
          </Text>
        );
      }}
    </Loaded>
  );
}

function Used({ uses }: { uses: readonly Use[] }) {
  const styles = useStyles();
  const known = useQuery({
    queryKey: keyOf("/connections", "names"),
    queryFn: async () => (await all<{ name: string }>("/connections")).map(({ name }) => name),
  });
  return (
    <>
      {known.isError && <Failure failure={known.error} title="The workspace's connections cannot be listed." />}
      <Table size="small" aria-label="Connections">
        <TableHeader>
          <TableRow>
            <TableHeaderCell>Connection</TableHeaderCell>
            <TableHeaderCell>Used by</TableHeaderCell>
            <TableHeaderCell>In the workspace</TableHeaderCell>
          </TableRow>
        </TableHeader>
        <TableBody>
          {uses.map((use) => (
            <TableRow key={use.name}>
              <TableCell className={styles.cell}>{use.name}</TableCell>
              <TableCell className={styles.cell}>{use.usedBy.join(", ")}</TableCell>
              <TableCell className={styles.cell}>
                <Presence use={use} known={known.data} />
              </TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </>
  );
}

function Presence({ use, known }: { use: Use; known: readonly string[] | undefined }) {
  if (!known) return <>–</>;
  if (known.some((name) => name.toLowerCase() === use.name.toLowerCase())) {
    return <RouteLink to={path("/connections", use.name)}>Yes, open it</RouteLink>;
  }
  return (
    <>
      <Badge appearance="tint" color={use.required ? "danger" : "informative"}>
        {use.required ? "Missing" : "Not there; the flow does without"}
      </Badge>{" "}
      <RouteLink to="/connections" search={{ new: "" }}>
        Create it
      </RouteLink>
    </>
  );
}
