/** One try of a flow: what was answered so far, and how it ended. */

import { useEffect, useRef, useState } from "react";
import { type About, type Send, withPiece } from "../../../components/chat/turns";
import type { Values } from "../../../components/inputs/signature";

export type Run = {
  state: "running" | "done" | "stopped" | "failed";
  outputs: Values;
  about: About;
  tookMs: number;
  failure?: unknown;
};

export function useRun(send: Send): { run: Run | null; start: (inputs: Values) => void; stop: () => void } {
  const [run, setRun] = useState<Run | null>(null);
  const going = useRef<AbortController | null>(null);
  useEffect(() => () => going.current?.abort(), []);

  const start = async (inputs: Values) => {
    going.current?.abort();
    const ending = new AbortController();
    going.current = ending;
    const began = performance.now();
    let now: Run = { state: "running", outputs: {}, about: {}, tookMs: 0 };
    const show = (next: Run) => {
      now = { ...next, tookMs: performance.now() - began };
      if (going.current === ending) setRun(now);
    };
    show(now);
    try {
      for await (const piece of send(inputs, ending.signal)) show(withPiece(now, piece));
      show({ ...now, state: "done" });
    } catch (failure) {
      show(ending.signal.aborted ? { ...now, state: "stopped" } : { ...now, state: "failed", failure });
    }
  };

  return { run, start: (inputs) => void start(inputs), stop: () => going.current?.abort() };
}
