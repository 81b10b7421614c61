import { useQuery } from "@tanstack/react-query";
import { all } from "../../../api/client";
import { useRefusal } from "../../../api/may";
import { keyOf } from "../../../api/queries";
import { type AutoscaleSetting, SETTINGS, settingOf } from "./autoscale";

/** All settings, and the one that drives the deployment. refused: they may not be read. deployment: its ARM id. */
export function useAutoscale(deployment: string) {
  const refused = useRefusal("Microsoft.Insights/autoscaleSettings/read", SETTINGS) !== null;
  const query = useQuery({
    queryKey: keyOf(SETTINGS),
    queryFn: () => all<AutoscaleSetting>(SETTINGS),
    enabled: !refused,
  });
  return { query, refused, setting: settingOf(deployment, query.data ?? []) };
}
