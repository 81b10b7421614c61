/** Whether anybody looks at this tab: what streams to a tab that nobody looks at takes a connection from the others. */

/** Resolves at once or when the tab is looked at. */
export function whenShown(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    signal.addEventListener("abort", look, { once: true });
    document.addEventListener("visibilitychange", look);
    look();
  });
}

/** Do it until it is done, until the signal, or until nobody has looked at the tab for so long. */
export async function whileShown(
  signal: AbortSignal,
  patienceMs: number,
  action: (signal: AbortSignal) => Promise<void>,
) {
  const ending = new AbortController();
  const done = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(() => ending.abort(), patienceMs);
  };
  document.addEventListener("visibilitychange", look, { signal: done.signal });
  look();
  try {
    await action(AbortSignal.any([signal, ending.signal]));
  } finally {
    clearTimeout(timer);
    done.abort();
  }
}
