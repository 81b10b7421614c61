/** Roles are found by their words in any order, by what they allow, and by the names that documents of Azure have for
 * them: "ACR Pull", "Workspace metrics writer". */

type Searched = { roleName: string; description?: string; permissions?: readonly { actions: readonly string[] }[] };

const ALSO_KNOWN_AS: Readonly<Record<string, string>> = {
  "AzureML Metrics Writer (preview)": "Azure Machine Learning Metrics Writer (preview) Workspace metrics writer",
};

export function matches({ roleName, description = "", permissions = [] }: Searched, sought: string): boolean {
  const actions = permissions.flatMap((each) => each.actions).join(" ");
  const text = `${roleName} ${ALSO_KNOWN_AS[roleName] ?? ""} ${description} ${actions}`.toLowerCase();
  const joined = plain(`${roleName} ${ALSO_KNOWN_AS[roleName] ?? ""}`);
  const words = sought.toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => text.includes(word)) || joined.includes(plain(sought));
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, "");
}
