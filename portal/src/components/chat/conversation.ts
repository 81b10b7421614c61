/** A conversation as it goes: asks, stops, tries again, begins anew. */

import { useCallback, useEffect, useRef, useState } from "react";
import type { ChatParts, MessageFormat, Values } from "../inputs/signature";
import { contentOf, type Message, requestOf, type Send, type Turn, withPiece } from "./turns";

type Options = {
  chat: ChatParts;
  /** Type of the chat input. */
  type: string;
  format: MessageFormat;
  send: Send;
};

export type Conversation = {
  turns: readonly Turn[];
  busy: boolean;
  /** others: the values of all other inputs. */
  ask: (message: Message, others: Values) => void;
  stop: () => void;
  /** Asks the last turn again, with the others as they are now. */
  retry: (others: Values) => void;
  restart: () => void;
  /** What the window itself notes of a turn. */
  note: (id: number, part: Partial<Turn>) => void;
};

export function useConversation({ chat, type, format, send }: Options): Conversation {
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const going = useRef<AbortController | null>(null);
  const number = useRef(0);
  useEffect(() => () => going.current?.abort(), []);

  const change = useCallback((id: number, to: (turn: Turn) => Turn) => {
    setTurns((now) => now.map((turn) => (turn.id === id ? to(turn) : turn)));
  }, []);

  const run = async (turn: Turn, before: readonly Turn[]) => {
    const ending = new AbortController();
    going.current = ending;
    setTurns([...before, turn]);
    const began = performance.now();
    const end = (part: Partial<Turn>) =>
      change(turn.id, (now) => ({ ...now, ...part, tookMs: performance.now() - began }));
    try {
      for await (const piece of send(requestOf(turn, before, chat), ending.signal)) {
        if (ending.signal.aborted) break;
        change(turn.id, (now) => withPiece(now, piece));
      }
      end({ state: ending.signal.aborted ? "stopped" : "done" });
    } catch (failure) {
      end(ending.signal.aborted ? { state: "stopped" } : { state: "failed", failure });
    } finally {
      if (going.current === ending) going.current = null;
    }
  };

  const begin = (message: Message, others: Values, before: readonly Turn[]) => {
    const inputs = { ...others, [chat.input ?? ""]: contentOf(message, type, format) };
    number.current += 1;
    const turn: Turn = {
      ...message,
      id: number.current,
      inputs,
      outputs: {},
      state: "answering",
      about: {},
      tookMs: 0,
    };
    void run(turn, before);
  };

  return {
    turns,
    busy: turns.at(-1)?.state === "answering",
    ask: (message, others) => begin(message, others, turns),
    stop: () => going.current?.abort(),
    retry: (others) => {
      const last = turns.at(-1);
      if (last) begin({ text: last.text, pictures: last.pictures }, others, turns.slice(0, -1));
    },
    restart: () => {
      going.current?.abort();
      setTurns([]);
    },
    note: (id, part) => change(id, (turn) => ({ ...turn, ...part })),
  };
}
