import { MessageBar, MessageBarActions, MessageBarBody, MessageBarTitle, makeStyles } from "@fluentui/react-components";
import type { ReactNode } from "react";
import { WithCommands } from "./WithCommands";

const useStyles = makeStyles({ text: { overflowWrap: "anywhere" } });

/** action: a button, what can be done about it. */
type Props = { title: string; fault: { code: string; message: string } | undefined; action?: ReactNode };

/** Why something failed, as the server has kept it: what failed, words of another program, the next step. */
export function FaultBar({ title, fault, action }: Props) {
  const styles = useStyles();
  if (!fault) return null;
  return (
    <MessageBar intent="error" layout="multiline">
      <MessageBarBody className={styles.text}>
        <MessageBarTitle>{title}</MessageBarTitle>
        <WithCommands text={`${fault.code}: ${fault.message}`} />
      </MessageBarBody>
      {action && <MessageBarActions>{action}</MessageBarActions>}
    </MessageBar>
  );
}
