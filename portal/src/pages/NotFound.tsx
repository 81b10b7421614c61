import { RouteButton } from "../components/RouteLink";
import { Empty } from "../components/states";

export function NotFound() {
  return (
    <Empty title="There is no such page" action={<RouteButton to="/">Go to the overview</RouteButton>}>
      The address may be mistyped, or what it showed is gone.
    </Empty>
  );
}
