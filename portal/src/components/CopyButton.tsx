import { Button, Tooltip } from "@fluentui/react-components";
import { CheckmarkRegular, CopyRegular } from "@fluentui/react-icons";
import { useState } from "react";

const SHOWN_MS = 2000;
type Given = { text: string | (() => Promise<string>); what: string; onFailure?: (failure: unknown) => void };

/** Copies a text. what: its name, as in "Copy endpoint URL". text: or how to get it when it is wanted; onFailure: told
 * why it could not be had. */
export function CopyButton({ text, what, onFailure }: Given) {
  const [state, setState] = useState<"idle" | "copied" | "refused">("idle");
  const copy = async () => {
    let wanted: string;
    try {
      wanted = typeof text === "string" ? text : await text();
    } catch (failure) {
      onFailure?.(failure);
      return;
    }
    try {
      await navigator.clipboard.writeText(wanted);
      setState("copied");
    } catch {
      setState("refused");
    }
    setTimeout(() => setState("idle"), SHOWN_MS);
  };
  const label = { idle: `Copy ${what}`, copied: "Copied", refused: "The browser does not let pages copy here." }[state];
  return (
    <Tooltip content={label} relationship="label">
      <Button
        appearance="subtle"
        size="small"
        icon={state === "copied" ? <CheckmarkRegular /> : <CopyRegular />}
        onClick={() => void copy()}
      />
    </Tooltip>
  );
}
