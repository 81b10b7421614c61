import type { ReactNode } from "react";
import { errorOfRefusal, useRefusal } from "../api/may";
import type { Action } from "../api/permissions";
import { Failure } from "./states";

/** on: an id or a path, as of `useRefusal`. */
type Props = { to: Action; on?: string; children?: ReactNode };

/** What is of use to whose roles allow that; others are told what it takes. */
export function Permitted({ to, on, children }: Props) {
  const refusal = useRefusal(to, on);
  return refusal ? <Failure failure={errorOfRefusal(refusal)} /> : children;
}
