/** Short words on what has just happened. What takes time is in the notifications. */

import { Toast, ToastBody, ToastTitle, useToastController } from "@fluentui/react-components";
import { createElement } from "react";
import { ApiError } from "../api/client";

export const TOASTER = "portal";

export function useToasts(): { done: (title: string) => void; failed: (title: string, failure: unknown) => void } {
  const { dispatchToast } = useToastController(TOASTER);
  const say = (intent: "success" | "error", title: string, text = "") =>
    dispatchToast(
      createElement(Toast, null, createElement(ToastTitle, null, title), text && createElement(ToastBody, null, text)),
      { intent, timeout: intent === "error" ? 12_000 : 5_000 },
    );
  return {
    done: (title) => say("success", title),
    failed: (title, failure) => say("error", title, textOf(failure)),
  };
}

/** What a failure says, with its next step. */
export function textOf(failure: unknown): string {
  if (failure instanceof ApiError) return [failure.message, failure.hint].filter(Boolean).join(" ");
  return failure instanceof Error ? failure.message : String(failure);
}
