import { Badge, type BadgeProps } from "@fluentui/react-components";
import {
  ArrowSyncRegular,
  CheckmarkCircleRegular,
  CircleRegular,
  DismissCircleRegular,
  RecordStopRegular,
  SleepRegular,
  SubtractCircleRegular,
} from "@fluentui/react-icons";

const LOOKS: Record<string, Pick<BadgeProps, "color" | "icon">> = {
  Succeeded: { color: "success", icon: <CheckmarkCircleRegular /> },
  Ready: { color: "success", icon: <CheckmarkCircleRegular /> },
  Serving: { color: "success", icon: <CheckmarkCircleRegular /> },
  Running: { color: "success", icon: <CheckmarkCircleRegular /> },
  Failed: { color: "danger", icon: <DismissCircleRegular /> },
  Dormant: { color: "informative", icon: <SleepRegular /> },
  Stopped: { color: "warning", icon: <RecordStopRegular /> },
  Canceled: { color: "warning", icon: <SubtractCircleRegular /> },
};
const BUSY = new Set([
  "Creating",
  "Updating",
  "Scaling",
  "Deleting",
  "InProgress",
  "Starting",
  "Waking",
  "Restarting",
  "Building",
  "Target",
]);

/** The state of a resource, an operation or an instance: by word, icon and colour, never by colour alone. */
export function StateBadge({ state }: { state: string }) {
  const busy = { color: "informative", icon: <ArrowSyncRegular /> } as const;
  const look = LOOKS[state] ?? (BUSY.has(state) ? busy : ({ color: "subtle", icon: <CircleRegular /> } as const));
  return (
    <Badge appearance="tint" {...look}>
      {state === "InProgress" ? "In progress" : state}
    </Badge>
  );
}
