import { Tab, TabList } from "@fluentui/react-components";
import { REGIONS, type RegionId } from "./regions";

export function RegionTabs({ region, setRegion }: { region: RegionId; setRegion: (region: RegionId) => void }) {
  return (
    <TabList
      selectedValue={region}
      onTabSelect={(_, { value }) => setRegion(value as RegionId)}
      aria-label="Parts of the editor"
    >
      {REGIONS.map(({ id, label }) => (
        <Tab key={id} value={id}>
          {label}
        </Tab>
      ))}
    </TabList>
  );
}
