/** Short words on what has just happened. What takes time is in the notifications. */

import {
  Button,
  makeStyles,
  Toast,
  ToastBody,
  ToastFooter,
  ToastTitle,
  ToastTrigger,
  useToastController,
} from "@fluentui/react-components";
import { DismissRegular } from "@fluentui/react-icons";
import { useEffect, useRef } from "react";
import { ApiError } from "../api/client";
import { RouteLink } from "./RouteLink";

export const TOASTER = "portal";
const SHOWN_MS = { success: 5_000, error: 12_000 };

const useStyles = makeStyles({
  // Whoever wants all of it follows the link, which must not be pushed out of the window.
  short: { display: "-webkit-box", WebkitBoxOrient: "vertical", WebkitLineClamp: 6, overflow: "hidden" },
});

/** details: the page of what it is about, "" for none. */
type Toasts = {
  done: (title: string, details?: string) => void;
  failed: (title: string, failure: unknown, details?: string) => void;
};

export function useToasts(): Toasts {
  const styles = useStyles();
  const { dispatchToast } = useToastController(TOASTER);
  const say = (intent: "success" | "error", title: string, text: string, details: string) =>
    dispatchToast(
      <Toast>
        <ToastTitle
          action={
            <ToastTrigger>
              <Button appearance="transparent" size="small" icon={<DismissRegular />} aria-label="Dismiss" />
            </ToastTrigger>
          }
        >
          <PassedThrough />
          {title}
        </ToastTitle>
        {text && <ToastBody>{details ? <div className={styles.short}>{text}</div> : text}</ToastBody>}
        {details && (
          <ToastFooter>
            <RouteLink to={details}>View details</RouteLink>
          </ToastFooter>
        )}
      </Toast>,
      // Whoever reads it, or is on the way to its link, keeps it.
      { intent, timeout: SHOWN_MS[intent], pauseOnHover: true, data: { root: { tabIndex: -1 } } },
    );
  return {
    done: (title, details = "") => say("success", title, "", details),
    failed: (title, failure, details = "") => say("error", title, textOf(failure), details),
  };
}

/** Fluent's toasts and their list keep the focus that comes in, for those who know Escape; by Tab nobody leaves them. */
function PassedThrough() {
  const inside = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    for (const kept of [inside.current?.closest("[role=listitem]"), inside.current?.closest("[role=list]")])
      kept?.removeAttribute("data-tabster");
  }, []);
  return <span ref={inside} hidden />;
}

/** What a failure says, with its next step. */
export function textOf(failure: unknown): string {
  if (failure instanceof ApiError) return [failure.message, failure.hint].filter(Boolean).join(" ");
  return failure instanceof Error ? failure.message : String(failure);
}
