/** Writes src/api/operations.gen.ts: what each route of the server needs, from the server's own description. */

import { readFileSync, writeFileSync } from "node:fs";

const { paths } = JSON.parse(readFileSync("../server/tests/component/golden/openapi.json", "utf8"));
const rows = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([, operation]) => operation["x-action"])
    .map(([method, operation]) => [method.toUpperCase(), path, operation["x-action"], operation["x-role"]]),
);
writeFileSync(
  "src/api/operations.gen.ts",
  `/** Method, path, action, and the least role that allows it. */
export const OPERATIONS = [
${rows.map((row) => `  ${JSON.stringify(row)},`).join("\n")}
] as const;
`,
);
