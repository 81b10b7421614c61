export default function DataTab({ endpoint, deployment }: { endpoint: string; deployment: string }) {
  return (
    <p>
      {endpoint}/{deployment}
    </p>
  );
}
