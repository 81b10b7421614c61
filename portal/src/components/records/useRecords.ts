import { useCallback, useEffect, useRef, useState } from "react";
import { collection, JoinedRecords, type Row, type Source, type Span } from "./reader";

const PAGE = 50;
/** Rows that are held at once; older ones are asked for by an earlier end of the time. */
export const MOST_ROWS = 2000;

type State = { rows: Row[]; more: boolean; busy: boolean; failure: unknown };
const NOTHING: State = { rows: [], more: false, busy: true, failure: null };

/** The newest records of the collections within the time, and more of them when asked. */
export function useRecords(sources: readonly Source[], span: Span) {
  const [state, setState] = useState<State>(NOTHING);
  const [round, setRound] = useState(0);
  const joined = useRef<JoinedRecords>(null);
  const prefixes = sources.map((source) => source.prefix).join("\n");

  const load = useCallback(async (from: JoinedRecords) => {
    setState((now) => ({ ...now, busy: true, failure: null }));
    try {
      const page = await from.page(PAGE);
      if (joined.current !== from) return;
      setState(({ rows }) => ({ rows: [...rows, ...page.rows], more: page.more, busy: false, failure: null }));
    } catch (failure) {
      if (joined.current === from) setState((now) => ({ ...now, busy: false, failure }));
    }
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the sources are told by their prefixes; a round begins anew
  useEffect(() => {
    const begun = new JoinedRecords(sources.map(({ name, prefix }) => [name, collection(prefix, span)] as const));
    joined.current = begun;
    setState(NOTHING);
    void load(begun);
  }, [prefixes, span.from, span.to, round]);

  return {
    ...state,
    older: () => void (joined.current && load(joined.current)),
    again: () => setRound((number) => number + 1),
  };
}
