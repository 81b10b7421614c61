import { useState } from "react";
import { ApiError } from "../api/client";

/** Sending a form: whether it is on its way, and why it was refused. send: true when the action has not thrown. */
export function useSubmission() {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const send = async (action: () => Promise<void>): Promise<boolean> => {
    setBusy(true);
    setFailure(null);
    try {
      await action();
      return true;
    } catch (thrown) {
      setFailure(thrown);
      setBusy(false);
      return false;
    }
  };
  return { busy, failure, send };
}

/** Create something that must not be there yet. taken: what is thrown when it is (412). */
export async function unlessTaken(create: () => Promise<void>, taken: () => ApiError): Promise<void> {
  try {
    await create();
  } catch (thrown) {
    throw thrown instanceof ApiError && thrown.status === 412 ? taken() : thrown;
  }
}
