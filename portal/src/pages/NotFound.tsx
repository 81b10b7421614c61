import { Text } from "@fluentui/react-components";
import { Page } from "../components/Page";
import { RouteButton } from "../components/RouteLink";

export function NotFound() {
  return (
    <Page title="There is no such page">
      <Text>The address may be mistyped, or what it showed is gone.</Text>
      <div>
        <RouteButton to="/">Go to the overview</RouteButton>
      </div>
    </Page>
  );
}
