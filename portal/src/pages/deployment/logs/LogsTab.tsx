export default function LogsTab({ endpoint, deployment }: { endpoint: string; deployment: string }) {
  return (
    <p>
      {endpoint}/{deployment}
    </p>
  );
}
