export default function ConsumeTab({ endpoint, deployment }: { endpoint: string; deployment: string }) {
  return (
    <p>
      {endpoint}/{deployment}
    </p>
  );
}
