import {
  Button,
  Checkbox,
  DrawerBody,
  DrawerFooter,
  DrawerHeader,
  DrawerHeaderTitle,
  Field,
  makeStyles,
  OverlayDrawer,
  SearchBox,
  Text,
  tokens,
} from "@fluentui/react-components";
import { DismissRegular } from "@fluentui/react-icons";
import { type ReactNode, useState } from "react";
import { useFocusBack } from "../../../components/useFocusBack";
import type { Member } from "./draft";

const MOST_SHOWN = 100;

const useStyles = makeStyles({
  body: { display: "grid", gap: tokens.spacingVerticalM, alignContent: "start" },
  search: { width: "100%", maxWidth: "100%" },
  list: { listStyle: "none", margin: 0, padding: 0, display: "grid" },
  quiet: { color: tokens.colorNeutralForeground2 },
  label: { display: "grid", overflowWrap: "anywhere" },
});

type Props = {
  title: string;
  /** Above the search. */
  children?: ReactNode;
  searchLabel: string;
  offered: Member[];
  /** Said when nobody is offered at all. */
  none: ReactNode;
  sought: string;
  onSeek: (text: string) => void;
  onSelect: (members: Member[]) => void;
  onClose: () => void;
};

/** Those offered that match the search, to be ticked and selected. Mounted while open. */
export function SelectionDrawer(props: Props) {
  const { title, children, searchLabel, offered, none, sought, onSeek, onSelect, onClose } = props;
  const styles = useStyles();
  useFocusBack();
  const [ticked, setTicked] = useState<Member[]>([]);
  const shown = offered.filter(({ name, objectId }) =>
    `${name} ${objectId}`.toLowerCase().includes(sought.trim().toLowerCase()),
  );
  const tick = (member: Member, on: boolean) =>
    setTicked((before) => [...before.filter(({ objectId }) => objectId !== member.objectId), ...(on ? [member] : [])]);
  return (
    <OverlayDrawer open onOpenChange={(_, { open }) => !open && onClose()} position="end" size="medium">
      <DrawerHeader>
        <DrawerHeaderTitle
          action={<Button appearance="subtle" icon={<DismissRegular />} aria-label="Close" onClick={onClose} />}
        >
          {title}
        </DrawerHeaderTitle>
      </DrawerHeader>
      <DrawerBody className={styles.body}>
        {children}
        <Field label={searchLabel}>
          <SearchBox className={styles.search} value={sought} onChange={(_, { value }) => onSeek(value)} />
        </Field>
        <ul className={styles.list} aria-label="Found">
          {shown.slice(0, MOST_SHOWN).map((member) => (
            <li key={member.objectId}>
              <Checkbox
                checked={ticked.some(({ objectId }) => objectId === member.objectId)}
                onChange={(_, { checked }) => tick(member, checked === true)}
                label={
                  <span className={styles.label}>
                    {member.name}
                    <Text size={200} className={styles.quiet}>
                      {member.kind}
                    </Text>
                  </span>
                }
              />
            </li>
          ))}
        </ul>
        {offered.length === 0 && <Text className={styles.quiet}>{none}</Text>}
        {offered.length > 0 && shown.length === 0 && (
          <Text className={styles.quiet}>{`Nobody here is called “${sought}”.`}</Text>
        )}
        {shown.length > MOST_SHOWN && (
          <Text className={styles.quiet}>{`${shown.length - MOST_SHOWN} more: search by name.`}</Text>
        )}
      </DrawerBody>
      <DrawerFooter>
        <Button appearance="primary" disabled={ticked.length === 0} onClick={() => onSelect(ticked)}>
          Select
        </Button>
        <Button onClick={onClose}>Close</Button>
      </DrawerFooter>
    </OverlayDrawer>
  );
}
