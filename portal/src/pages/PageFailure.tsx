import { Failure } from "../components/states";

/** A page that broke: the shell stays. */
export function PageFailure({ error, reset }: { error: unknown; reset: () => void }) {
  return <Failure title="This page failed." failure={error} retry={reset} />;
}
