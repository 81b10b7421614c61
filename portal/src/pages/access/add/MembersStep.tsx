import {
  Button,
  Field,
  makeStyles,
  Radio,
  RadioGroup,
  Table,
  TableBody,
  TableCell,
  TableHeader,
  TableHeaderCell,
  TableRow,
  Text,
  tokens,
} from "@fluentui/react-components";
import { AddRegular, DismissRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { joined, KINDS, type Member, type MemberKind, type StepProps } from "./draft";
import { SelectIdentities } from "./SelectIdentities";
import { SelectPeople } from "./SelectPeople";

const useStyles = makeStyles({
  step: { display: "grid", gap: tokens.spacingVerticalL, justifyItems: "start" },
  quiet: { color: tokens.colorNeutralForeground2 },
  id: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200, overflowWrap: "anywhere" },
  wide: { "@media (max-width: 640px)": { display: "none" } },
  remove: { width: "3rem" },
});

/** Who gets the role. */
export function MembersStep({ draft, set }: StepProps) {
  const styles = useStyles();
  const [selecting, setSelecting] = useState(false);
  const add = (found: Member[]) => {
    set({ members: joined(draft.members, found) });
    setSelecting(false);
  };
  const Selection = draft.kind === "identity" ? SelectIdentities : SelectPeople;
  return (
    <div className={styles.step}>
      <Text>
        Selected role: <Text weight="semibold">{draft.role?.properties.roleName}</Text>
      </Text>
      <Field label="Assign access to">
        <RadioGroup value={draft.kind} onChange={(_, { value }) => set({ kind: value as MemberKind, members: [] })}>
          {KINDS.map(({ value, label }) => (
            <Radio key={value} value={value} label={label} />
          ))}
        </RadioGroup>
      </Field>
      <Button icon={<AddRegular />} onClick={() => setSelecting(true)}>
        Select members
      </Button>
      {draft.members.length === 0 ? (
        <Text className={styles.quiet}>No members selected</Text>
      ) : (
        <MemberTable
          members={draft.members}
          onRemove={(gone) => set({ members: draft.members.filter(({ objectId }) => objectId !== gone.objectId) })}
        />
      )}
      {selecting && <Selection onSelect={add} onClose={() => setSelecting(false)} />}
    </div>
  );
}

function MemberTable({ members, onRemove }: { members: Member[]; onRemove: (member: Member) => void }) {
  const styles = useStyles();
  return (
    <Table aria-label="Members" size="small">
      <TableHeader>
        <TableRow>
          <TableHeaderCell>Name</TableHeaderCell>
          <TableHeaderCell className={styles.wide}>Object id</TableHeaderCell>
          <TableHeaderCell>Type</TableHeaderCell>
          <TableHeaderCell className={styles.remove} aria-label="Remove" />
        </TableRow>
      </TableHeader>
      <TableBody>
        {members.map((member) => (
          <TableRow key={member.objectId}>
            <TableCell>{member.name}</TableCell>
            <TableCell className={styles.wide}>
              <span className={styles.id}>{member.objectId}</span>
            </TableCell>
            <TableCell>{member.kind}</TableCell>
            <TableCell className={styles.remove}>
              <Button
                appearance="subtle"
                size="small"
                icon={<DismissRegular />}
                aria-label={`Remove ${member.name}`}
                onClick={() => onRemove(member)}
              />
            </TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
