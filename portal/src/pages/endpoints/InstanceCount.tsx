/** How many of the wanted instances are ready. */
export function InstanceCount({ ready, wanted }: { ready: number; wanted: number }) {
  return (
    <span>
      {ready} of {wanted}
    </span>
  );
}
