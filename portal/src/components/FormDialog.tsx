import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
  tokens,
} from "@fluentui/react-components";
import type { FormEvent, ReactNode } from "react";
import type { Action } from "../api/permissions";
import { Allowed } from "./Allowed";
import { Failure } from "./states";
import { useClosing } from "./useClosing";
import { useFocusBack } from "./useFocusBack";
import { isFit, useSubmission } from "./useSubmission";

const useStyles = makeStyles({
  content: { display: "grid", gridTemplateColumns: "minmax(0, 1fr)", gap: tokens.spacingVerticalM },
  wide: { maxWidth: "min(52rem, 100vw)", width: "100%" },
});

type Props = {
  title: string;
  /** What the button says that does it. */
  action: string;
  /** What that takes, where who may not do it can come to the form. */
  needs?: Action;
  on?: string;
  /** What is said above the reason when it is refused. */
  refusal?: string;
  ready?: boolean;
  isWide?: boolean;
  /** Nothing is entered in it that would be missed. */
  isBrief?: boolean;
  onSubmit: () => Promise<void>;
  /** What comes after it; the dialog closes, unless told. */
  onSubmitted?: () => void;
  onClose: () => void;
  children: ReactNode;
};

/** A question or a few fields, and a button. Says why when it is refused. Mounted while open. */
export function FormDialog(props: Props) {
  const {
    title,
    action,
    needs,
    on,
    refusal,
    ready = true,
    isWide = false,
    isBrief = false,
    onSubmit,
    onClose,
    onSubmitted = onClose,
  } = props;
  const styles = useStyles();
  const { busy, failure, send } = useSubmission();
  const { onInput, onOpenChange, question } = useClosing(onClose);
  useFocusBack();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    // A form in a dialog is, for React, inside of whatever shows the dialog.
    event.stopPropagation();
    if (isFit(event.currentTarget) && (await send(onSubmit))) onSubmitted();
  };
  return (
    <Dialog open onOpenChange={onOpenChange}>
      <DialogSurface className={isWide ? styles.wide : ""}>
        <form onSubmit={(event) => void submit(event)} onInput={isBrief ? undefined : onInput} autoComplete="off">
          <DialogBody>
            <DialogTitle>{title}</DialogTitle>
            <DialogContent className={styles.content}>
              {props.children}
              {failure !== null && <Failure failure={failure} title={refusal} />}
              {question}
            </DialogContent>
            <DialogActions>
              <Button onClick={onClose}>Cancel</Button>
              <Allowed to={needs ?? []} on={on}>
                <Button type="submit" appearance="primary" disabled={!ready || busy}>
                  {action}
                </Button>
              </Allowed>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}
