export default function DetailsTab({ endpoint, deployment }: { endpoint: string; deployment: string }) {
  return (
    <p>
      {endpoint}/{deployment}
    </p>
  );
}
