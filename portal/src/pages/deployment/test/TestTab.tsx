export default function TestTab({ endpoint, deployment }: { endpoint: string; deployment: string }) {
  return (
    <p>
      {endpoint}/{deployment}
    </p>
  );
}
