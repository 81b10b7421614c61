import { useQuery } from "@tanstack/react-query";
import { errorOf, send } from "../../api/client";
import { actionsOf } from "./actions";

/** All actions that there are, from the server's own description of its API. */
export function useActions() {
  return useQuery({
    queryKey: ["openapi"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const answer = await send("/openapi.json");
      if (!answer.ok) throw await errorOf(answer);
      return actionsOf(await answer.json());
    },
  });
}
