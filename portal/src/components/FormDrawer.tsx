import {
  Button,
  DrawerBody,
  DrawerFooter,
  DrawerHeader,
  DrawerHeaderTitle,
  makeStyles,
  OverlayDrawer,
  tokens,
} from "@fluentui/react-components";
import { DismissRegular } from "@fluentui/react-icons";
import type { FormEvent, ReactNode } from "react";
import type { Action } from "../api/permissions";
import { Allowed } from "./Allowed";
import { Failure } from "./states";

const useStyles = makeStyles({
  drawer: { width: "min(34rem, 100vw)" },
  wide: { width: "min(44rem, 100vw)" },
  form: { display: "contents" },
  body: {
    display: "grid",
    gap: tokens.spacingVerticalM,
    alignContent: "start",
    paddingBottom: tokens.spacingVerticalL,
  },
});

type Props = {
  title: string;
  /** What the button says that does it. */
  action: string;
  /** What that takes, where who may not do it can come to the form. */
  needs?: Action;
  on?: string;
  /** As `useSubmission` has them. */
  busy: boolean;
  failure: unknown;
  /** What is said above the reason when it is refused. */
  refusal?: string;
  isWide?: boolean;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
};

/** A longer form beside its page, which a click on the page does not throw away. Mounted while open. */
export function FormDrawer(props: Props) {
  const { title, action, needs, on, busy, failure, refusal, isWide, onSubmit, onClose, children } = props;
  const styles = useStyles();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <OverlayDrawer
      open
      position="end"
      className={isWide ? styles.wide : styles.drawer}
      onOpenChange={(_, { open, type }) => !open && type !== "backdropClick" && onClose()}
    >
      <form onSubmit={submit} className={styles.form} autoComplete="off" noValidate>
        <DrawerHeader>
          <DrawerHeaderTitle
            action={
              <Button appearance="subtle" icon={<DismissRegular />} aria-label="Close the form" onClick={onClose} />
            }
          >
            {title}
          </DrawerHeaderTitle>
        </DrawerHeader>
        <DrawerBody>
          <div className={styles.body}>
            {children}
            {failure !== null && <Failure failure={failure} title={refusal} />}
          </div>
        </DrawerBody>
        <DrawerFooter>
          <Allowed to={needs ?? []} on={on}>
            <Button type="submit" appearance="primary" disabled={busy}>
              {action}
            </Button>
          </Allowed>
          <Button onClick={onClose}>Cancel</Button>
        </DrawerFooter>
      </form>
    </OverlayDrawer>
  );
}
