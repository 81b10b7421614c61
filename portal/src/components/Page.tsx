import { makeStyles, Text, Title2, tokens } from "@fluentui/react-components";
import { useRouterState } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef } from "react";
import { isCovered } from "./useFocusBack";

const useStyles = makeStyles({
  page: { display: "grid", gap: tokens.spacingVerticalL, alignContent: "start", minWidth: 0 },
  head: {
    display: "flex",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalM,
    alignItems: "center",
    justifyContent: "space-between",
  },
  title: { display: "grid", gap: tokens.spacingVerticalXXS, minWidth: 0 },
  name: { margin: 0, overflowWrap: "anywhere", outline: "none" },
  lead: { color: tokens.colorNeutralForeground2, overflowWrap: "anywhere" },
  actions: {
    display: "flex",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalS,
    // On a phone four of them fit into one row, and the page below keeps its height.
    "@media (max-width: 640px)": { "& .fui-Button": { minWidth: 0 } },
  },
});

type Props = { title: string; lead?: ReactNode; actions?: ReactNode; children: ReactNode };

/** The frame of every page: its title, also the browser's, what can be done, its content. */
export function Page({ title, lead, actions, children }: Props) {
  const styles = useStyles();
  useEffect(() => {
    document.title = `${title} · Flowstead`;
  }, [title]);
  const head = useArrival();
  return (
    <div className={styles.page}>
      <div className={styles.head}>
        <div ref={head} className={styles.title}>
          <Title2 as="h1" tabIndex={-1} className={styles.name}>
            {title}
          </Title2>
          {lead && <Text className={styles.lead}>{lead}</Text>}
        </div>
        {actions && <div className={styles.actions}>{actions}</div>}
      </div>
      {children}
    </div>
  );
}

/** The page that somebody was at last. */
let last = "";

/** Whoever comes to a page goes on from its title, which a screen reader then says: what he came by may be gone. Who
 * has just loaded the portal begins at its top, and what has the focus on the page itself keeps it. */
function useArrival() {
  const head = useRef<HTMLDivElement>(null);
  const path = useRouterState({ select: ({ resolvedLocation }) => resolvedLocation?.pathname ?? "" });
  useEffect(() => {
    const focused = document.activeElement;
    const content = document.getElementById("main");
    const isLost = !focused || focused === document.body || focused === content;
    const title = head.current?.querySelector("h1") ?? null;
    const isElsewhere = last !== path && !content?.contains(focused);
    if (path) last = path;
    if (navigator.userActivation.hasBeenActive && (isLost || isElsewhere) && !isCovered(title))
      title?.focus({ preventScroll: true });
  }, [path]);
  return head;
}
