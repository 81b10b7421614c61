import { makeStyles, Radio, RadioGroup, SearchBox, Text, tokens } from "@fluentui/react-components";
import { useState } from "react";
import { useRoles } from "../../../api/access";
import { Loaded } from "../../../components/states";
import { titleOf } from "../scopes";
import type { StepProps } from "./draft";
import { matches } from "./search";

const useStyles = makeStyles({
  step: { display: "grid", gap: tokens.spacingVerticalM },
  search: { width: "min(28rem, 100%)", maxWidth: "100%" },
  list: {
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground1,
    maxHeight: "26rem",
    overflowY: "auto",
    flexWrap: "nowrap",
  },
  none: { padding: tokens.spacingVerticalL },
  role: {
    width: "100%",
    flexShrink: 0,
    borderBottom: `1px solid ${tokens.colorNeutralStroke3}`,
    ":last-child": { borderBottomStyle: "none" },
  },
  label: { display: "grid", color: tokens.colorNeutralForeground1 },
  quiet: { color: tokens.colorNeutralForeground2 },
});

/** Which role: searched by name and by what it is for. */
export function RoleStep({ draft, set }: StepProps) {
  const styles = useStyles();
  const [sought, setSought] = useState("");
  const query = useRoles(draft.scope.id);
  return (
    <div className={styles.step}>
      <Text>
        A role is a set of actions. Whoever gets it may do them on {titleOf(draft.scope)} and on all that lies below.
      </Text>
      <SearchBox
        className={styles.search}
        aria-label="Search by role name or description"
        placeholder="Search by role name or description"
        value={sought}
        onChange={(_, { value }) => setSought(value)}
      />
      <Loaded query={query}>
        {(roles) => {
          const found = roles.filter(({ properties }) => matches(properties, sought));
          return (
            <RadioGroup
              aria-label="Role"
              className={styles.list}
              value={draft.role?.id ?? ""}
              onChange={(_, { value }) => set({ role: roles.find(({ id }) => id === value) ?? null })}
            >
              {found.map(({ id, properties }) => (
                <Radio
                  key={id}
                  value={id}
                  className={styles.role}
                  label={
                    <span className={styles.label}>
                      <Text weight="semibold">{properties.roleName}</Text>
                      <Text size={200} className={styles.quiet}>
                        {properties.description}
                        {properties.type === "CustomRole" && " (custom role)"}
                      </Text>
                    </span>
                  }
                />
              ))}
              {found.length === 0 && <Text className={styles.none}>{`No role matches “${sought}”.`}</Text>}
            </RadioGroup>
          );
        }}
      </Loaded>
    </div>
  );
}
