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
import { useClosing } from "./useClosing";
import { useFocusBack } from "./useFocusBack";
import { isFit } from "./useSubmission";

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

/** A longer form beside its page. Mounted while open. */
export function FormDrawer(props: Props) {
  const { title, action, needs, on, busy, failure, refusal, isWide, onSubmit, onClose, children } = props;
  const styles = useStyles();
  const { onInput, onOpenChange, question } = useClosing(onClose);
  useFocusBack();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (isFit(event.currentTarget)) onSubmit();
  };
  return (
    <OverlayDrawer open position="end" className={isWide ? styles.wide : styles.drawer} onOpenChange={onOpenChange}>
      <form onSubmit={submit} onInput={onInput} className={styles.form} autoComplete="off" noValidate>
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
            {question}
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
