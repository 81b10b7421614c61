import { Button, makeStyles, Textarea, tokens } from "@fluentui/react-components";
import { DismissRegular, SendRegular, StopRegular } from "@fluentui/react-icons";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { PictureButton } from "../inputs/ImageBox";
import type { Message } from "./turns";

type Props = {
  /** The box's name. */
  label: string;
  /** Whether pictures can be attached. */
  pictures: boolean;
  busy: boolean;
  /** Why nothing can be sent now. */
  refusal?: ReactNode;
  onSend: (message: Message) => void;
  onStop: () => void;
};

const MAX_ROWS = 8;

const useStyles = makeStyles({
  place: {
    display: "grid",
    gap: tokens.spacingVerticalS,
    padding: tokens.spacingHorizontalM,
    borderTop: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  row: {
    display: "flex",
    gap: tokens.spacingHorizontalS,
    alignItems: "end",
    width: "100%",
    maxWidth: "52rem",
    margin: "0 auto",
  },
  box: { flexGrow: 1, minWidth: 0 },
  pictures: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  picture: { position: "relative" },
  thumbnail: { height: "4rem", borderRadius: tokens.borderRadiusMedium, display: "block" },
  remove: { position: "absolute", top: 0, right: 0 },
  said: { maxWidth: "52rem", width: "100%", margin: "0 auto" },
  fault: { color: tokens.colorPaletteRedForeground1 },
});

/** Where the message is written. Enter sends, Shift+Enter begins a line. */
export function Composer({ label, pictures: takesPictures, busy, refusal, onSend, onStop }: Props) {
  const styles = useStyles();
  const [text, setText] = useState("");
  const [pictures, setPictures] = useState<readonly string[]>([]);
  const [fault, setFault] = useState("");
  const box = useRef<HTMLTextAreaElement>(null);
  const ready = !busy && !refusal && (text.trim() !== "" || pictures.length > 0);
  const send = () => {
    if (!ready) return;
    onSend({ text, pictures });
    setText("");
    setPictures([]);
    setFault("");
  };
  // Whoever has sent with the button goes on writing; the button has turned into another one under the focus.
  useEffect(() => {
    if (!busy && document.activeElement === document.body) box.current?.focus({ preventScroll: true });
  }, [busy]);
  return (
    <div className={styles.place}>
      {refusal && (
        <div className={styles.said} role="status">
          {refusal}
        </div>
      )}
      {fault && (
        <div className={styles.fault} role="alert">
          {fault}
        </div>
      )}
      {pictures.length > 0 && (
        <div className={styles.pictures}>
          {pictures.map((url, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the same picture may be there twice
            <div key={index} className={styles.picture}>
              <img src={url} alt={`Attachment ${index + 1}`} className={styles.thumbnail} />
              <Button
                className={styles.remove}
                size="small"
                icon={<DismissRegular />}
                aria-label={`Remove picture ${index + 1}`}
                onClick={() => setPictures(pictures.filter((_, other) => other !== index))}
              />
            </div>
          ))}
        </div>
      )}
      <div className={styles.row}>
        {takesPictures && (
          <PictureButton
            label="Attach a picture"
            appearance="subtle"
            onChoose={(url) => setPictures([...pictures, url])}
            onFault={setFault}
          />
        )}
        <Textarea
          className={styles.box}
          textarea={{ ref: box }}
          aria-label={label}
          placeholder="Write a message"
          rows={Math.min(text.split("\n").length, MAX_ROWS)}
          value={text}
          onChange={(_, { value }) => setText(value)}
          onKeyDown={(event) => {
            // While a word is put together, Enter belongs to the input method.
            if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        {busy ? (
          <Button icon={<StopRegular />} onClick={onStop}>
            Stop
          </Button>
        ) : (
          <Button appearance="primary" icon={<SendRegular />} disabled={!ready} onClick={send}>
            Send
          </Button>
        )}
      </div>
    </div>
  );
}
