import { askKeys } from "../credential";
import { SecretField } from "./SecretField";

/** The endpoint's two keys. */
export function Keys({ endpoint }: { endpoint: string }) {
  return (
    <>
      <SecretField label="Primary key" ask={async () => (await askKeys(endpoint)).primaryKey} />
      <SecretField label="Secondary key" ask={async () => (await askKeys(endpoint)).secondaryKey} />
    </>
  );
}
