import { Text } from "@fluentui/react-components";

/** asleep: ended because nobody asks them; who does wakes them. */
type Props = { ready: number; asleep: number; wanted: number };

/** How many of the wanted instances are ready. */
export function InstanceCount({ ready, asleep, wanted }: Props) {
  if (wanted === 0) return <span>None</span>;
  return (
    <span>
      {ready} of {wanted}
      {asleep > 0 && <Text block size={200}>{`${asleep} asleep`}</Text>}
    </span>
  );
}
