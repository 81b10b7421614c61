import { skipToken, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { AuthMode } from "../../api/endpoints";
import { keyOf } from "../../api/queries";
import { askOpener, type Opener } from "./credential";

export type Shown = {
  /** While it is shown. */
  opener: Opener | undefined;
  failure: unknown;
  show: () => void;
  hide: () => void;
};

const NOTHING = ["hidden"];

/** What opens the endpoint, while somebody looks at it: asked for anew when the endpoint changes, as a key may have
 * been replaced by then. */
export function useOpener(endpoint: string, mode: AuthMode): Shown {
  const [wanted, setWanted] = useState(false);
  const { data, error, isError, refetch } = useQuery({
    // Once hidden it is nobody's query, and is forgotten at once.
    queryKey: wanted ? keyOf(`/onlineEndpoints/${endpoint}/opener`, mode) : NOTHING,
    queryFn: wanted ? () => askOpener(endpoint, mode) : skipToken,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  return {
    opener: isError ? undefined : data,
    failure: error,
    show: () => (wanted ? void refetch() : setWanted(true)),
    hide: () => setWanted(false),
  };
}
