import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
  Text,
  tokens,
} from "@fluentui/react-components";
import type { Permission, Role } from "../../api/access";
import { useFocusBack } from "../../components/useFocusBack";

const useStyles = makeStyles({
  content: { display: "grid", gap: tokens.spacingVerticalM },
  list: { margin: 0, paddingLeft: tokens.spacingHorizontalL, overflowWrap: "anywhere" },
  action: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200 },
});

/** The kinds of actions of a permission, as Azure calls them, with what they are. */
export const KINDS: readonly { field: keyof Permission; label: string }[] = [
  { field: "actions", label: "Actions" },
  { field: "notActions", label: "Not actions: taken from those above" },
  { field: "dataActions", label: "Data actions: on what is in resources, such as blobs" },
  { field: "notDataActions", label: "Not data actions: taken from those above" },
];

/** What a role lets its members do. */
export function RoleDetails({ role, onClose }: { role: Role; onClose: () => void }) {
  const styles = useStyles();
  useFocusBack();
  const { roleName, description, permissions } = role.properties;
  return (
    <Dialog open onOpenChange={(_, { open }) => !open && onClose()}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{roleName}</DialogTitle>
          <DialogContent className={styles.content}>
            {description && <Text>{description}</Text>}
            <Text size={200}>
              Id: <span className={styles.action}>{role.name}</span>
            </Text>
            {KINDS.map(({ field, label }) => (
              <Actions key={field} label={label} actions={permissions.flatMap((each) => each[field])} />
            ))}
          </DialogContent>
          <DialogActions>
            <Button onClick={onClose}>Close</Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}

function Actions({ label, actions }: { label: string; actions: string[] }) {
  const styles = useStyles();
  if (actions.length === 0) return null;
  return (
    <section>
      <Text as="h3" weight="semibold">
        {label}
      </Text>
      <ul className={styles.list}>
        {actions.map((action) => (
          <li key={action} className={styles.action}>
            {action}
          </li>
        ))}
      </ul>
    </section>
  );
}
