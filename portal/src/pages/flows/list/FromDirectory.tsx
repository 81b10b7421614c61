import {
  Badge,
  type BadgeProps,
  Button,
  MessageBar,
  MessageBarBody,
  MessageBarTitle,
  makeStyles,
  Text,
  tokens,
} from "@fluentui/react-components";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { CopyButton } from "../../../components/CopyButton";
import { path, RouteLink } from "../../../components/RouteLink";
import { Empty, Failure, Loaded } from "../../../components/states";
import { type FlowFolder, importFolder, useFolders } from "../api";

const useStyles = makeStyles({
  form: { display: "grid", gap: tokens.spacingVerticalM },
  place: { overflowWrap: "anywhere" },
  list: { listStyleType: "none", margin: 0, padding: 0, maxHeight: "22rem", overflowY: "auto" },
  folder: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr) auto",
    alignItems: "center",
    gap: tokens.spacingHorizontalM,
    paddingBlock: tokens.spacingVerticalS,
    borderBottom: `1px solid ${tokens.colorNeutralStroke3}`,
  },
  words: { display: "grid", minWidth: 0, overflowWrap: "anywhere" },
  head: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: tokens.spacingHorizontalS },
  about: { color: tokens.colorNeutralForeground2 },
  command: {
    display: "flex",
    alignItems: "center",
    gap: tokens.spacingHorizontalS,
    fontFamily: tokens.fontFamilyMonospace,
  },
});

const COMMAND = "flowstead up --flow-directory DIR";
const STATES: Record<FlowFolder["state"], { color: NonNullable<BadgeProps["color"]>; text: string }> = {
  New: { color: "success", text: "There is no flow of this name yet." },
  Changed: { color: "informative", text: "It differs from the flow of its name, which gets a new version." },
  Unchanged: { color: "subtle", text: "The flow of its name has the same files." },
  Behind: { color: "warning", text: "The flow was changed here since it was imported; that stays as a version." },
  Refused: { color: "danger", text: "" },
};

/** Folders of flows on the server's machine, as they are at this moment. */
export function FromDirectory() {
  const styles = useStyles();
  return (
    <div className={styles.form}>
      <Loaded query={useFolders()}>
        {({ directory, value }) => {
          if (directory === null) return <HowTo />;
          if (value.length > 0) return <Folders directory={directory} folders={value} />;
          return (
            <Empty title="No flows in there yet">
              Put a folder with a flow.dag.yaml, a flow.flex.yaml or a .prompty file into {directory} on the server's
              machine. It appears here by itself.
            </Empty>
          );
        }}
      </Loaded>
    </div>
  );
}

function HowTo() {
  const styles = useStyles();
  return (
    <MessageBar intent="info" layout="multiline">
      <MessageBarBody>
        <MessageBarTitle>The server watches no directory.</MessageBarTitle>
        Flows that lie in a directory of the server's machine can be imported here once it is named. On that machine,
        after flowstead down:
        <span className={styles.command}>
          {COMMAND} <CopyButton text={COMMAND} what="command" />
        </span>
      </MessageBarBody>
    </MessageBar>
  );
}

function Folders({ directory, folders }: { directory: string; folders: readonly FlowFolder[] }) {
  const styles = useStyles();
  const navigate = useNavigate();
  const [busy, setBusy] = useState("");
  const [failure, setFailure] = useState<unknown>(null);
  const take = async (folder: string) => {
    setBusy(folder);
    setFailure(null);
    try {
      const flow = await importFolder(folder);
      void navigate({ to: path("/flows", flow) });
    } catch (thrown) {
      setFailure(thrown);
      setBusy("");
    }
  };
  return (
    <>
      <Text className={styles.place}>Folders in {directory}</Text>
      {failure !== null && <Failure failure={failure} title="It was not imported." />}
      <ul className={styles.list} aria-label="Folders">
        {folders.map((folder) => (
          <li key={folder.folder} className={styles.folder}>
            <Folder folder={folder} />
            {folder.state === "Unchanged" ? (
              <RouteLink to={path("/flows", folder.flow)}>Open</RouteLink>
            ) : (
              <Button
                aria-label={`Import ${folder.folder}`}
                disabled={busy !== "" || folder.state === "Refused"}
                onClick={() => void take(folder.folder)}
              >
                Import
              </Button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

function Folder({ folder: { folder, state, files, problem } }: { folder: FlowFolder }) {
  const styles = useStyles();
  const { color, text } = STATES[state];
  return (
    <div className={styles.words}>
      <span className={styles.head}>
        <Text weight="semibold">{folder}</Text>
        <Badge appearance="tint" color={color}>
          {state}
        </Badge>
        {files > 0 && <Text size={200}>{files === 1 ? "1 file" : `${files} files`}</Text>}
      </span>
      <Text size={200} className={styles.about}>
        {problem ?? text}
      </Text>
    </div>
  );
}
