import { Button, Text } from "@fluentui/react-components";
import { ArrowSyncRegular } from "@fluentui/react-icons";
import type { AuthMode } from "../../api/endpoints";
import { Moment } from "../Moment";
import { askOpener } from "./credential";
import { SecretField } from "./SecretField";
import { useOpener } from "./useOpener";

/** A token that opens the endpoint; while it is shown the same one, until it is refreshed. */
export function Token({ endpoint, mode }: { endpoint: string; mode: AuthMode }) {
  const shown = useOpener(endpoint, mode);
  const expiresAt = shown.opener?.expiresAt;
  return (
    <>
      <SecretField label="Token" shown={shown} of={({ secret }) => secret} ask={() => askOpener(endpoint, mode)} />
      {expiresAt && (
        <Text>
          It expires <Moment at={new Date(expiresAt * 1000).toISOString()} />.{" "}
          <Button size="small" icon={<ArrowSyncRegular />} onClick={shown.show}>
            Refresh token
          </Button>
        </Text>
      )}
    </>
  );
}
