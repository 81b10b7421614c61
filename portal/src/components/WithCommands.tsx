import { makeStyles, tokens } from "@fluentui/react-components";
import { useRefusal } from "../api/may";
import { CopyButton } from "./CopyButton";
import { grantOf, piecesOf } from "./commands";
import { RouteLink } from "./RouteLink";

const useStyles = makeStyles({
  pieces: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr)",
    gap: tokens.spacingVerticalS,
    minWidth: 0,
    overflowWrap: "anywhere",
  },
  grant: { display: "grid", gap: tokens.spacingVerticalXS, justifyItems: "start", minWidth: 0 },
  command: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr) auto",
    gap: tokens.spacingHorizontalXS,
    width: "100%",
  },
  code: {
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    color: tokens.colorNeutralForeground1,
    overflowWrap: "anywhere",
    whiteSpace: "pre-wrap",
    padding: tokens.spacingHorizontalS,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground3,
    margin: 0,
  },
  words: { whiteSpace: "pre-wrap" },
});

/** newTab: of a page that has something which leaving it would lose. onFollow: when a link in it is followed. */
type Ways = { newTab?: boolean; onFollow?: () => void };
type Props = { text: string } & Ways;

/** What is said; each grant in it can be copied as a command, or made in the portal by who may. */
export function WithCommands({ text, ...props }: Props) {
  const styles = useStyles();
  const pieces = piecesOf(text);
  return (
    <div className={styles.pieces}>
      {pieces.map((piece, index) =>
        piece.isCommand ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text, which stay in their order
          <Grant key={index} command={piece.text} {...props} />
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: as above
          <div key={index} className={styles.words}>
            {piece.text}
          </div>
        ),
      )}
    </div>
  );
}

function Grant({ command, newTab = false, onFollow }: { command: string } & Ways) {
  const styles = useStyles();
  const grant = grantOf(command);
  const refusal = useRefusal("roleAssignments/write", grant.scope);
  return (
    <div className={styles.grant}>
      <div className={styles.command}>
        <pre className={styles.code}>{command}</pre>
        <CopyButton text={command} what="the grant command" />
      </div>
      {!refusal && (
        <RouteLink
          to="/access/add"
          search={grant}
          {...(newTab && { target: "_blank" })}
          {...(onFollow && { onFollow })}
        >
          Add role assignment
        </RouteLink>
      )}
    </div>
  );
}
