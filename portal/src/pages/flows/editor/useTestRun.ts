/** Running the flow as it is saved: what it does, for the graph and the list, and what it answers, for who asked. */

import { useCallback, useRef, useState } from "react";
import { errorFrom } from "../../../api/client";
import { eventsOf } from "../../../api/events";
import { parseJson } from "../../../api/exactJson";
import type { Piece, Send } from "../../../components/chat/turns";
import type { Values } from "../../../components/inputs/signature";
import type { Pairs } from "../../../components/TagsEditor";
import { textOf } from "../../../components/toasts";
import { startTest } from "../api";
import { after, BEGUN, ended, type TestRun } from "./testRun";

const GONE = "The server went away while the flow ran. Run it again.";
/** A flow that failed, as the gateway says it of a deployment's. */
const FLOW_FAILED = 424;

/** save: what is written is saved before it is run; false when it was not. */
export function useTestRun(flow: string, variables: Pairs, save: () => Promise<boolean>) {
  const [run, setRun] = useState<TestRun | null>(null);
  const latest = useRef({ variables, save });
  latest.current = { variables, save };

  const send: Send = useCallback(
    async function* (inputs: Values, signal: AbortSignal): AsyncGenerator<Piece> {
      if (!(await latest.current.save())) throw new Error("Your changes are not saved, so nothing was run.");
      let now = BEGUN;
      const show = (next: TestRun) => {
        now = next;
        setRun(next);
      };
      show(BEGUN);
      const streamed = new Set<string>();
      try {
        const answer = await startTest(flow, inputs, latest.current.variables, signal);
        for await (const event of eventsOf(answer, parseJson)) {
          show(after(now, event));
          // biome-ignore lint/suspicious/noExplicitAny: what comes is looked at field by field
          const told = event.data as any;
          if (event.type === "chunk") {
            streamed.add(told.output);
            yield { outputs: { [told.output]: told.value } };
          }
          if (event.type === "outputs") yield { outputs: unstreamed(told.outputs, streamed) };
          if (event.type === "error") throw errorFrom(told, FLOW_FAILED);
        }
        if (now.state !== "Completed") throw new Error(GONE);
      } catch (failure) {
        show(ended(now, signal.aborted ? "" : textOf(failure)));
        throw failure;
      } finally {
        show(ended(now, ""));
      }
    },
    [flow],
  );
  return { run, send };
}

function unstreamed(outputs: Values, streamed: ReadonlySet<string>): Values {
  return Object.fromEntries(Object.entries(outputs).filter(([name]) => !streamed.has(name)));
}
