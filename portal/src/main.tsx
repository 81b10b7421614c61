/** Where everything is put together. */

import { createDOMRenderer, FluentProvider, RendererProvider } from "@fluentui/react-components";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode, useEffect } from "react";
import { createRoot } from "react-dom/client";
import "./main.css";
import { judgeBy } from "./api/client";
import { refusedNow, useKnownRights } from "./api/may";
import { queries } from "./api/queries";
import { begin, noteStorage, personOf, useSession } from "./api/session";
import { router } from "./routes";
import { SignIn } from "./shell/SignIn";
import { themeOf, useScheme } from "./shell/theme";

/** Styles that are made while the portal runs are let in by the nonce that came with the page. */
const nonce = document.querySelector<HTMLMetaElement>("meta[name=style-nonce]")?.content ?? "";
const renderer = createDOMRenderer(document, { styleElementAttributes: { nonce } });

function Portal() {
  const scheme = useScheme();
  // What the browser itself draws, such as scroll bars and the arrows of numbers.
  useEffect(() => {
    document.documentElement.style.colorScheme = scheme;
  }, [scheme]);
  const session = useSession();
  const person = personOf(session);
  return (
    <RendererProvider renderer={renderer} targetDocument={document}>
      <FluentProvider theme={themeOf(scheme)} className="portal">
        {person && <Pages key={person.principalId} />}
        {session.state === "out" && <SignIn reason={session.reason} hint={session.hint} covers={person !== null} />}
      </FluentProvider>
    </RendererProvider>
  );
}

/** Nothing is shown before it is known what may be asked for. */
function Inside() {
  return useKnownRights() && <RouterProvider router={router} />;
}

/** Of one person: they stay as they are while he is to sign in again, and nothing of them is another's. */
function Pages() {
  useEffect(() => () => queries.clear(), []);
  return (
    <QueryClientProvider client={queries}>
      <Inside />
    </QueryClientProvider>
  );
}

judgeBy(refusedNow);

// A second link that is opened in this tab changes the fragment alone.
addEventListener("hashchange", () => {
  if (location.pathname === "/signin") void begin();
});

addEventListener("storage", noteStorage);

void begin();
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Portal />
    </StrictMode>,
  );
}
