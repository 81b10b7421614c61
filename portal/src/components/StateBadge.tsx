import { Badge, type BadgeProps } from "@fluentui/react-components";
import {
  ArrowSyncRegular,
  CheckmarkCircleRegular,
  CircleRegular,
  DismissCircleRegular,
  RecordStopRegular,
  SleepRegular,
  SubtractCircleRegular,
  WarningRegular,
} from "@fluentui/react-icons";

const LOOKS: Record<string, Pick<BadgeProps, "color" | "icon">> = {
  Succeeded: { color: "success", icon: <CheckmarkCircleRegular /> },
  Ready: { color: "success", icon: <CheckmarkCircleRegular /> },
  Serving: { color: "success", icon: <CheckmarkCircleRegular /> },
  Running: { color: "success", icon: <CheckmarkCircleRegular /> },
  Failed: { color: "danger", icon: <DismissCircleRegular /> },
  Dormant: { color: "informative", icon: <SleepRegular /> },
  Stopped: { color: "warning", icon: <RecordStopRegular /> },
  Lost: { color: "warning", icon: <WarningRegular /> },
  Canceled: { color: "warning", icon: <SubtractCircleRegular /> },
};
/** Where the API's word is none of ours. */
const WORDS: Record<string, string> = { InProgress: "In progress", Target: "Being started" };
const BUSY = new Set([
  "Creating",
  "Updating",
  "Scaling",
  "Deleting",
  "InProgress",
  "Starting",
  "Waking",
  "Restarting",
  "Stopping",
  "Building",
  "Target",
]);

/** The state of a resource, an operation or an instance: by word, icon and colour, never by colour alone. */
export function StateBadge({ state }: { state: string }) {
  const busy = { color: "informative", icon: <ArrowSyncRegular /> } as const;
  const look = LOOKS[state] ?? (BUSY.has(state) ? busy : ({ color: "subtle", icon: <CircleRegular /> } as const));
  return (
    <Badge appearance="tint" {...look}>
      {WORDS[state] ?? state}
    </Badge>
  );
}
