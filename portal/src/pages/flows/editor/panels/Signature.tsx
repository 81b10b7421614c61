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
import { writeJson } from "../../../../api/exactJson";
import { Empty, Loaded } from "../../../../components/states";
import { type Described, useExamined } from "../../api";

const useStyles = makeStyles({
  both: {
    display: "grid",
    gap: tokens.spacingHorizontalXL,
    gridTemplateColumns: "minmax(0, 1fr) minmax(0, 1fr)",
    "@media (max-width: 800px)": { gridTemplateColumns: "minmax(0, 1fr)" },
  },
  cell: { overflowWrap: "anywhere", paddingBlock: tokens.spacingVerticalXS },
  code: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200 },
});

type Input = Described["inputs"][number] & { description?: string; isChatInput?: boolean; isChatHistory?: boolean };
type Output = Described["outputs"][number] & {
  description?: string;
  isChatOutput?: boolean;
  evaluationOnly?: boolean;
};

/** What goes into the flow and comes out. */
export function Signature({ flow }: { flow: string }) {
  const styles = useStyles();
  return (
    <Loaded query={useExamined(flow)}>
      {({ flow: described }) =>
        described ? (
          <div className={styles.both}>
            <Inputs inputs={described.inputs} />
            <Outputs outputs={described.outputs} />
          </div>
        ) : (
          <Empty title="The inputs and outputs cannot be read">
            Mend what the problems name; they are shown as soon as the flow's definition can be read.
          </Empty>
        )
      }
    </Loaded>
  );
}

function Inputs({ inputs }: { inputs: readonly Input[] }) {
  const styles = useStyles();
  return (
    <section aria-label="Inputs">
      <Text weight="semibold">Inputs</Text>
      {inputs.length === 0 ? (
        <Text block>It takes none.</Text>
      ) : (
        <Table size="small" aria-label="Inputs">
          <TableHeader>
            <TableRow>
              <TableHeaderCell>Name</TableHeaderCell>
              <TableHeaderCell>Type</TableHeaderCell>
              <TableHeaderCell>Default</TableHeaderCell>
            </TableRow>
          </TableHeader>
          <TableBody>
            {inputs.map((input) => (
              <TableRow key={input.name}>
                <TableCell className={styles.cell}>
                  {input.name} {input.isChatInput && <Badge appearance="tint">chat input</Badge>}
                  {input.isChatHistory && <Badge appearance="tint">chat history</Badge>}
                  {input.description && (
                    <Text block size={200}>
                      {input.description}
                    </Text>
                  )}
                </TableCell>
                <TableCell>{input.type}</TableCell>
                <TableCell className={styles.cell}>
                  {input.required ? "required" : <span className={styles.code}>{writeJson(input.default)}</span>}
                </TableCell>
              </TableRow>
            ))}
          </TableBody>
        </Table>
      )}
    </section>
  );
}

function Outputs({ outputs }: { outputs: readonly Output[] }) {
  const styles = useStyles();
  return (
    <section aria-label="Outputs">
      <Text weight="semibold">Outputs</Text>
      {outputs.length === 0 ? (
        <Text block>Its files name none.</Text>
      ) : (
        <Table size="small" aria-label="Outputs">
          <TableHeader>
            <TableRow>
              <TableHeaderCell>Name</TableHeaderCell>
              <TableHeaderCell>Type</TableHeaderCell>
            </TableRow>
          </TableHeader>
          <TableBody>
            {outputs.map((output) => (
              <TableRow key={output.name}>
                <TableCell className={styles.cell}>
                  {output.name} {output.isChatOutput && <Badge appearance="tint">chat output</Badge>}
                  {output.evaluationOnly && <Badge appearance="tint">evaluation only</Badge>}
                  {output.description && (
                    <Text block size={200}>
                      {output.description}
                    </Text>
                  )}
                </TableCell>
                <TableCell>{output.type}</TableCell>
              </TableRow>
            ))}
          </TableBody>
        </Table>
      )}
    </section>
  );
}
