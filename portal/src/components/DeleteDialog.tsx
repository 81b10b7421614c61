import { Field, Input } from "@fluentui/react-components";
import { type ReactNode, useState } from "react";
import { whileGoing } from "../api/queries";
import { FormDialog } from "./FormDialog";

type Props = {
  /** As in "Delete the endpoint". */
  what: string;
  /** What is to be typed. */
  name: string;
  /** Its id, or its path below the workspace. */
  resource: string;
  /** What goes with it. */
  children?: ReactNode;
  onDelete: () => Promise<void>;
  onClose: () => void;
};

/** Deleting wants the name typed. Mounted while open. */
export function DeleteDialog({ what, name, resource, children, onDelete, onClose }: Props) {
  const [typed, setTyped] = useState("");
  return (
    <FormDialog
      title={`Delete ${what}?`}
      action="Delete"
      refusal="It was not deleted."
      ready={typed === name}
      isBrief
      onSubmit={() => whileGoing(resource, onDelete)}
      onClose={onClose}
    >
      {children}
      <Field label={`Type ${name} to confirm`}>
        <Input value={typed} onChange={(_, { value }) => setTyped(value)} autoComplete="off" />
      </Field>
    </FormDialog>
  );
}
