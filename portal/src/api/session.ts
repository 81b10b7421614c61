/** Who is signed in. The cookie is no script's to read; what proves that a request is this portal's lies here. */

import { useSyncExternalStore } from "react";

const PROOF = "flowstead.csrfToken";

export type Person = { name: string; type: string; principalId: string; tenantId: string; issuer?: string };
export type Session =
  | { state: "unknown" }
  | { state: "out"; reason: string; hint: string; was: Person | null }
  | { state: "in"; person: Person; sessionId: string; endsAt: string };

/** was: whose session has ended. What he has entered waits for him. */
let current: Session = { state: "unknown" };
const listeners = new Set<() => void>();
const ASK = "On the command line, flowstead signin-link makes a link that signs you in.";
const COPY = "Copy all of what flowstead token prints, and sign in with that.";

export function proof(): string {
  return localStorage.getItem(PROOF) ?? "";
}

export function sessionNow(): Session {
  return current;
}

export function useSession(): Session {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, sessionNow);
}

/** Begin: redeem the code in the address, or go on with the session that there is. */
export async function begin(): Promise<void> {
  const code = takeCode();
  if (code) {
    await signIn({ code });
    return;
  }
  const answer = await ask("GET", "/session");
  if (answer === null) set(away());
  else if (answer.ok) enter(await answer.json());
  else if (answer.status >= 500) set(away());
  else if (current.state === "in") sessionEnded();
  else set({ state: "out", reason: "You are not signed in.", hint: ASK, was: wasOf(current) });
}

export async function signIn(by: { code: string } | { token: string }): Promise<void> {
  const answer = await ask("POST", "/signin", by);
  if (answer === null) set(away());
  else if (answer.ok) enter(await answer.json());
  else {
    const said = (await answer.json().catch(() => null)) as { error?: { message?: string } } | null;
    const hint = answer.status === 401 && "token" in by ? COPY : "";
    const [reason, ...hints] = (said?.error?.message ?? `The server answered ${answer.status}.`).split("\n");
    set({ state: "out", reason: reason ?? "", hint: hint || hints.join(" "), was: wasOf(current) });
  }
}

export async function signOut(): Promise<void> {
  const answer = await ask("POST", "/signout");
  if (!answer?.ok) throw new Error("The server did not sign you out. Try again.");
  localStorage.removeItem(PROOF);
  set({ state: "out", reason: "You are signed out.", hint: ASK, was: null });
}

/** Told by whoever is answered 401. */
export function sessionEnded(): void {
  if (current.state !== "in") return;
  localStorage.removeItem(PROOF);
  set({ state: "out", reason: "Your session has ended.", hint: ASK, was: current.person });
}

/** Nobody is asked anything until somebody is signed in again. */
export function isOut(): boolean {
  return current.state === "out";
}

/** Whose pages are shown: who is signed in, or was until his session ended. */
export function personOf(session: Session): Person | null {
  return session.state === "in" ? session.person : wasOf(session);
}

function wasOf(session: Session): Person | null {
  return session.state === "out" ? session.was : null;
}

/** Another tab has signed in, or heard that the session has ended: the proof has changed there. */
export function noteStorage({ key, newValue }: StorageEvent): void {
  if (key === PROOF && isOut() === (newValue !== null)) void begin();
}

function away(): Session {
  const hint = "Look at flowstead status, then load this page again.";
  return { state: "out", reason: "The server does not answer.", hint, was: wasOf(current) };
}

type Entered = { principal: Person; session?: { id: string; endsAt: string }; csrfToken?: string };

function enter(found: Entered): void {
  if (found.csrfToken) localStorage.setItem(PROOF, found.csrfToken);
  set({
    state: "in",
    person: found.principal,
    sessionId: found.session?.id ?? "",
    endsAt: found.session?.endsAt ?? "",
  });
}

function set(next: Session): void {
  current = next;
  for (const listener of listeners) listener();
}

function takeCode(): string | null {
  if (location.pathname !== "/signin") return null;
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  // Out of the address bar and the history before anything else: what was used once is of no use there.
  history.replaceState(null, "", "/portal/");
  return code;
}

async function ask(method: string, path: string, sent?: unknown): Promise<Response | null> {
  const headers: Record<string, string> = { "X-CSRF-Token": proof() };
  if (sent !== undefined) headers["Content-Type"] = "application/json";
  const body = sent === undefined ? null : JSON.stringify(sent);
  try {
    return await fetch(path, { method, headers, body, cache: "no-store" });
  } catch {
    return null;
  }
}
