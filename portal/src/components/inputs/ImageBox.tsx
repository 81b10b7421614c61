import { Button, Input, makeStyles, tokens } from "@fluentui/react-components";
import { DismissRegular, ImageAddRegular } from "@fluentui/react-icons";
import { useRef, useState } from "react";
import { textOf as said } from "../toasts";
import { drawable, imageFrom, pictureOf, readFile } from "./images";
import type { MessageFormat } from "./signature";
import { textOf } from "./types";

type Props = { name: string; value: unknown; format: MessageFormat; onChange: (value: unknown) => void };

const useStyles = makeStyles({
  box: { display: "grid", gap: tokens.spacingVerticalS, justifyItems: "start" },
  row: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, width: "100%" },
  address: { flexGrow: 1, minWidth: "10rem" },
  preview: {
    maxWidth: "100%",
    maxHeight: "12rem",
    borderRadius: tokens.borderRadiusMedium,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  fault: { color: tokens.colorPaletteRedForeground1 },
});

/** A picture: a chosen file, or an address that the flow fetches. */
export function ImageBox({ name, value, format, onChange, ...field }: Props) {
  const styles = useStyles();
  const [fault, setFault] = useState("");
  const preview = drawable(value);
  return (
    <div className={styles.box}>
      <div className={styles.row}>
        {preview ? null : (
          <Input
            {...field}
            className={styles.address}
            placeholder="Address of a picture"
            value={addressOf(value)}
            onChange={(_, { value: text }) => onChange(valueFrom(text, format))}
          />
        )}
        <PictureButton
          label={preview ? `Choose another picture for ${name}` : `Choose a picture for ${name}`}
          onChoose={(url) => {
            setFault("");
            onChange(imageFrom(url, format));
          }}
          onFault={setFault}
        >
          Choose a file
        </PictureButton>
        {value !== undefined && (
          <Button icon={<DismissRegular />} aria-label={`Remove ${name}`} onClick={() => onChange(undefined)} />
        )}
      </div>
      {preview && <img src={preview} alt={`Preview of ${name}`} className={styles.preview} />}
      {fault && (
        <span role="alert" className={styles.fault}>
          {fault}
        </span>
      )}
    </div>
  );
}

type PictureButtonProps = {
  label: string;
  onChoose: (url: string) => void;
  onFault: (message: string) => void;
  disabled?: boolean;
  appearance?: "subtle" | "secondary";
  children?: React.ReactNode;
};

/** Lets a person choose a picture file; gives it as a `data:` URL. */
export function PictureButton({ label, onChoose, onFault, disabled, appearance, children }: PictureButtonProps) {
  const chooser = useRef<HTMLInputElement>(null);
  const chosen = async (file: File | undefined) => {
    if (!file) return;
    try {
      onChoose(await readFile(file));
    } catch (failure) {
      onFault(said(failure));
    }
  };
  return (
    <>
      <input
        ref={chooser}
        type="file"
        accept="image/png,image/jpeg,image/gif,image/webp,image/bmp"
        hidden
        aria-label={label}
        onChange={(event) => {
          void chosen(event.target.files?.[0]);
          // The same file again is a choice too.
          event.target.value = "";
        }}
      />
      <Button
        icon={<ImageAddRegular />}
        aria-label={label}
        disabled={disabled ?? false}
        appearance={appearance ?? "secondary"}
        onClick={() => chooser.current?.click()}
      >
        {children}
      </Button>
    </>
  );
}

function addressOf(value: unknown): string {
  const picture = pictureOf(value);
  return picture && picture.how !== "base64" ? picture.value : textOf(value);
}

/** Until it is an address a text is kept as it is: the flow may know what it means. */
function valueFrom(text: string, format: MessageFormat): unknown {
  if (!text.trim()) return undefined;
  return /^https?:\/\/./.test(text.trim()) ? imageFrom(text.trim(), format) : text;
}
