import { Button, Text } from "@fluentui/react-components";
import { ArrowSyncRegular } from "@fluentui/react-icons";
import { type AuthMode, endpointPath } from "../../api/endpoints";
import { useRefusal } from "../../api/may";
import { Moment } from "../Moment";
import { Permitted } from "../Permitted";
import { askOpener, TAKES } from "./credential";
import { SecretField } from "./SecretField";
import { useOpener } from "./useOpener";

/** A token that opens the endpoint; while it is shown the same one, until it is refreshed. */
export function Token({ endpoint, mode }: { endpoint: string; mode: AuthMode }) {
  const shown = useOpener(endpoint, mode);
  const isRefused = useRefusal(TAKES[mode], endpointPath(endpoint)) !== null;
  const expiresAt = shown.opener?.expiresAt;
  return (
    <>
      <Permitted to={TAKES[mode]} on={endpointPath(endpoint)} />
      <SecretField
        label="Token"
        shown={shown}
        isRefused={isRefused}
        of={({ secret }) => secret}
        ask={() => askOpener(endpoint, mode)}
      />
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
