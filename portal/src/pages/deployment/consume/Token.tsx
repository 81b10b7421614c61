import { Button, Text } from "@fluentui/react-components";
import { ArrowSyncRegular } from "@fluentui/react-icons";
import { useRef, useState } from "react";
import { Moment } from "../../../components/Moment";
import { type Token as Asked, askToken } from "../credential";
import type { AuthMode } from "../deployed";
import { SecretField } from "./SecretField";

/** A token that opens the endpoint; the same one until it is refreshed. */
export function Token({ endpoint, mode }: { endpoint: string; mode: AuthMode }) {
  const held = useRef<Asked | null>(null);
  const [expiry, setExpiry] = useState("");
  // Another number is another field: what an older one shows goes with it.
  const [round, setRound] = useState(0);
  const ask = async () => {
    const now = Date.now() / 1000;
    if (!held.current || held.current.expiryTimeUtc <= now) held.current = await askToken(endpoint, mode);
    setExpiry(new Date(held.current.expiryTimeUtc * 1000).toISOString());
    return held.current.accessToken;
  };
  const refresh = () => {
    held.current = null;
    setExpiry("");
    setRound(round + 1);
  };
  return (
    <>
      <SecretField key={round} label="Token" ask={ask} />
      {expiry && (
        <Text>
          It expires <Moment at={expiry} />.{" "}
          <Button size="small" icon={<ArrowSyncRegular />} onClick={refresh}>
            Refresh token
          </Button>
        </Text>
      )}
    </>
  );
}
