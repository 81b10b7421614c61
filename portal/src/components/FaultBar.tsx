import { MessageBar, MessageBarBody, MessageBarTitle, makeStyles } from "@fluentui/react-components";

const useStyles = makeStyles({ text: { whiteSpace: "pre-wrap", overflowWrap: "anywhere" } });

/** Why something failed, as the server has kept it; the lines after the first are the next step. */
export function FaultBar({ title, fault }: { title: string; fault: { code: string; message: string } | undefined }) {
  const styles = useStyles();
  if (!fault) return null;
  const [reason, ...next] = fault.message.split("\n");
  return (
    <MessageBar intent="error" layout="multiline">
      <MessageBarBody className={styles.text}>
        <MessageBarTitle>{title}</MessageBarTitle>
        {fault.code}: {reason}
        {next.length > 0 && `\nNext step: ${next.join("\n")}`}
      </MessageBarBody>
    </MessageBar>
  );
}
