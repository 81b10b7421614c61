import { MessageBar, MessageBarBody, MessageBarTitle, makeStyles } from "@fluentui/react-components";

const useStyles = makeStyles({ text: { whiteSpace: "pre-wrap", overflowWrap: "anywhere" } });

/** Why something failed, as the server has kept it: what failed, words of another program, the next step. */
export function FaultBar({ title, fault }: { title: string; fault: { code: string; message: string } | undefined }) {
  const styles = useStyles();
  if (!fault) return null;
  return (
    <MessageBar intent="error" layout="multiline">
      <MessageBarBody className={styles.text}>
        <MessageBarTitle>{title}</MessageBarTitle>
        {fault.code}: {fault.message}
      </MessageBarBody>
    </MessageBar>
  );
}
