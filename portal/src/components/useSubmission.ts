import { useEffect, useRef, useState } from "react";
import { ApiError } from "../api/client";

/** Sending a form: whether it is on its way, and why it was refused. send: true when the action has not thrown and the
 * form is still there. Its signal is aborted when the form goes. */
export function useSubmission() {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const going = useRef(new AbortController());
  useEffect(() => {
    going.current = new AbortController();
    return () => going.current.abort();
  }, []);
  const send = async (action: (signal: AbortSignal) => Promise<void>): Promise<boolean> => {
    const { signal } = going.current;
    setBusy(true);
    setFailure(null);
    try {
      await action(signal);
      return !signal.aborted;
    } catch (thrown) {
      setFailure(thrown);
      setBusy(false);
      return false;
    }
  };
  return { busy, failure, send };
}

/** Where a field cannot be taken as it is: a mark for the field's element. */
export const UNFIT = { "data-unfit": "" };

/** Whether no field in it is marked; the first one that is gets the focus. */
export function isFit(form: Element): boolean {
  const unfit = form.querySelector<HTMLElement>("[data-unfit]");
  unfit?.focus();
  return unfit === null;
}

/** Create something that must not be there yet. taken: what is thrown when it is (412). */
export async function unlessTaken(create: () => Promise<void>, taken: () => ApiError): Promise<void> {
  try {
    await create();
  } catch (thrown) {
    throw thrown instanceof ApiError && thrown.status === 412 ? taken() : thrown;
  }
}
