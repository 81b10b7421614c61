import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
  mergeClasses,
  Text,
  tokens,
} from "@fluentui/react-components";
import { useRoles } from "../../api/access";
import type { AuditRecord } from "../../api/audit";
import { WORKSPACE_ID } from "../../api/client";
import { StateBadge } from "../../components/StateBadge";
import { useFocusBack } from "../../components/useFocusBack";
import { spokenAction } from "./auditWords";
import { type Change, changesOf } from "./diff";
import { usePeople } from "./usePeople";

const useStyles = makeStyles({
  surface: { maxWidth: "min(56rem, 100vw)", width: "100%" },
  content: { display: "grid", gap: tokens.spacingVerticalM },
  facts: {
    display: "grid",
    gridTemplateColumns: "max-content 1fr",
    gap: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalL}`,
    margin: 0,
    "& dd": { margin: 0, overflowWrap: "anywhere" },
    "& dt": { color: tokens.colorNeutralForeground2 },
  },
  why: { color: tokens.colorPaletteRedForeground1, whiteSpace: "pre-wrap", overflowWrap: "anywhere" },
  table: { width: "100%", borderCollapse: "collapse", tableLayout: "fixed" },
  cell: {
    textAlign: "start",
    verticalAlign: "top",
    padding: tokens.spacingHorizontalXS,
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
    overflowWrap: "anywhere",
    whiteSpace: "pre-wrap",
    fontSize: tokens.fontSizeBase200,
  },
  value: { fontFamily: tokens.fontFamilyMonospace },
  gone: { backgroundColor: tokens.colorPaletteRedBackground1 },
  come: { backgroundColor: tokens.colorPaletteGreenBackground1 },
});

/** One change, with what it changed. Records hold no secrets: a changed secret is named, never shown. */
export function AuditDetails({ record, onClose }: { record: AuditRecord; onClose: () => void }) {
  const styles = useStyles();
  useFocusBack();
  const { properties } = record;
  const changes = changesOf(properties.before, properties.after);
  const nameOf = useNames();
  const why = properties.error?.error ?? properties.error;
  return (
    <Dialog open onOpenChange={(_, { open }) => !open && onClose()}>
      <DialogSurface className={styles.surface}>
        <DialogBody>
          <DialogTitle>
            {spokenAction(properties.action)} by {properties.principal}
          </DialogTitle>
          <DialogContent className={styles.content}>
            <dl className={styles.facts}>
              {factsOf(record).map(([label, value]) => (
                <Fact key={label} label={label} value={value} />
              ))}
              <dt>Outcome</dt>
              <dd>
                <StateBadge state={properties.outcome} />
              </dd>
            </dl>
            {why && (
              <Text className={styles.why}>
                {why.code}: {why.message}
              </Text>
            )}
            {changes.length > 0 ? (
              <Changes changes={changes} nameOf={nameOf} />
            ) : (
              <Text>No value of the resource changed.</Text>
            )}
          </DialogContent>
          <DialogActions>
            <Button onClick={onClose}>Close</Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}

function factsOf({ name, properties }: AuditRecord): [string, string][] {
  const facts: [string, string | undefined][] = [
    ["Number", name],
    ["When", new Date(properties.time).toLocaleString()],
    ["Resource", properties.resourceId],
    ["Detail", properties.detail],
    ["Object id", properties.principalId],
    ["Request id", properties.requestId],
  ];
  return facts.filter((fact): fact is [string, string] => Boolean(fact[1]));
}

function Fact({ label, value }: { label: string; value: string }) {
  return (
    <>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </>
  );
}

/** Of the guids that grants consist of: whose they are. */
function useNames(): (value: string) => string {
  const people = usePeople();
  const roles = useRoles(WORKSPACE_ID, true).data ?? [];
  return (value) => people.get(value)?.name ?? roles.find(({ name }) => name === value)?.properties.roleName ?? "";
}

function Changes({ changes, nameOf }: { changes: Change[]; nameOf: (value: string) => string }) {
  const styles = useStyles();
  return (
    <table className={styles.table} aria-label="What changed">
      <thead>
        <tr>
          {["Value", "Before", "After"].map((label) => (
            <th key={label} scope="col" className={styles.cell}>
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {changes.map(({ path, before, after }) => (
          <tr key={path}>
            <th scope="row" className={styles.cell}>
              {path}
            </th>
            <td className={mergeClasses(styles.cell, styles.value, before !== null && styles.gone)}>
              {shown(before, nameOf)}
            </td>
            <td className={mergeClasses(styles.cell, styles.value, after !== null && styles.come)}>
              {shown(after, nameOf)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function shown(value: string | null, nameOf: (value: string) => string): string {
  if (value === null) return "–";
  const name = nameOf(value);
  return name ? `${name} (${value})` : value || "(empty)";
}
