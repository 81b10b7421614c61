import { useMemo } from "react";
import { useEndpoints, useIdentities, usePrincipals } from "../../api/access";
import { useSession } from "../../api/session";
import { everybody, type Who } from "./people";

/** By object id: all whom the reader may know of. */
export function usePeople(): Map<string, Who> {
  const principals = usePrincipals().data;
  const identities = useIdentities().data;
  const endpoints = useEndpoints().data;
  const session = useSession();
  const me = session.state === "in" ? session.person : null;
  return useMemo(
    () =>
      everybody({
        ...(me && { me }),
        ...(principals && { principals }),
        ...(identities && { identities }),
        ...(endpoints && { endpoints }),
      }),
    [me, principals, identities, endpoints],
  );
}
