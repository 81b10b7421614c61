import { CopyButton } from "../../components/CopyButton";
import { useFormStyles } from "./layout";
import { piecesOf } from "./plan";

/** What is said, line by line; commands in it can be copied. */
export function WithCommands({ text }: { text: string }) {
  const styles = useFormStyles();
  const lines = text.split("\n").filter(Boolean);
  return (
    <div className={styles.group}>
      {lines.flatMap(piecesOf).map((piece, index) =>
        piece.isCommand ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text, which stay in their order
          <div key={index} className={styles.command}>
            <pre className={styles.code}>{piece.text}</pre>
            <CopyButton text={piece.text} what="the grant command" />
          </div>
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: as above
          <div key={index}>{piece.text}</div>
        ),
      )}
    </div>
  );
}
