import { Button } from "@fluentui/react-components";
import { useState } from "react";
import { change, endpointPath } from "../../api/endpoints";
import { useRefusal } from "../../api/may";
import { Allowed } from "../Allowed";
import { FormDialog } from "../FormDialog";
import { Permitted } from "../Permitted";
import { useToasts } from "../toasts";
import { askOpener, type Opener, TAKES } from "./credential";
import { SecretField } from "./SecretField";
import { useOpener } from "./useOpener";

type Key = { type: "Primary" | "Secondary"; other: string; of: (opener: Opener) => string };

const KEYS: readonly Key[] = [
  { type: "Primary", other: "secondary", of: ({ secret }) => secret },
  { type: "Secondary", other: "primary", of: ({ secondary = "" }) => secondary },
];

/** The endpoint's two keys. */
export function Keys({ endpoint }: { endpoint: string }) {
  return (
    <>
      <Permitted to={TAKES.Key} on={endpointPath(endpoint)} />
      {KEYS.map((key) => (
        <KeyField key={key.type} endpoint={endpoint} which={key} />
      ))}
    </>
  );
}

function KeyField({ endpoint, which: { type, other, of } }: { endpoint: string; which: Key }) {
  const toasts = useToasts();
  const shown = useOpener(endpoint, "Key");
  const isRefused = useRefusal(TAKES.Key, endpointPath(endpoint)) !== null;
  const [asked, setAsked] = useState(false);
  const label = `${type} key`;
  const regenerate = async () => {
    await change("POST", `${endpointPath(endpoint)}/regenerateKeys`, { keyType: type });
    toasts.done(`${label}: regenerated`);
  };
  return (
    <>
      <SecretField
        label={label}
        shown={shown}
        isRefused={isRefused}
        of={of}
        ask={() => askOpener(endpoint, "Key")}
        action={
          <Allowed to="onlineEndpoints/regenerateKeys/action" on={endpointPath(endpoint)}>
            <Button aria-label={`Regenerate ${label.toLowerCase()}`} onClick={() => setAsked(true)}>
              Regenerate
            </Button>
          </Allowed>
        }
      />
      {asked && (
        <FormDialog
          title={`Regenerate the ${label.toLowerCase()}?`}
          action="Regenerate"
          onSubmit={regenerate}
          onClose={() => setAsked(false)}
        >
          Callers that use it are refused (401) from then on. The {other} key goes on working.
        </FormDialog>
      )}
    </>
  );
}
