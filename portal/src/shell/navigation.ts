/** The left navigation, in its order. */

import {
  BoxRegular,
  DatabaseRegular,
  FlowRegular,
  type FluentIcon,
  HomeRegular,
  PersonKeyRegular,
  PlugConnectedRegular,
  RocketRegular,
  SettingsRegular,
} from "@fluentui/react-icons";

export type Entry = { path: string; label: string; icon: FluentIcon };

export const NAVIGATION: readonly Entry[] = [
  { path: "/", label: "Overview", icon: HomeRegular },
  { path: "/flows", label: "Flows", icon: FlowRegular },
  { path: "/endpoints", label: "Models + endpoints", icon: RocketRegular },
  { path: "/connections", label: "Connections", icon: PlugConnectedRegular },
  { path: "/environments", label: "Environments", icon: BoxRegular },
  { path: "/data", label: "Data", icon: DatabaseRegular },
  { path: "/access", label: "Access control (IAM)", icon: PersonKeyRegular },
  { path: "/settings", label: "Settings", icon: SettingsRegular },
];

/** The entry that a path lies under. */
export function entryOf(path: string): Entry | undefined {
  return NAVIGATION.findLast((entry) => path === entry.path || path.startsWith(`${entry.path}/`));
}
