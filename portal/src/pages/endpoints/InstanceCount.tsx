/** How many of the wanted instances are ready. */
export function InstanceCount({ ready, wanted }: { ready: number; wanted: number }) {
  if (wanted === 0) return <span>None</span>;
  return (
    <span>
      {ready} of {wanted}
    </span>
  );
}
