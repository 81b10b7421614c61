import { expect, it } from "vitest";
import { WORKSPACE_ID } from "../../api/client";
import { connectSnippet, placeOf } from "./snippet";

it("the code is filled with this server's values, and holds no secret", () => {
  const code = connectSnippet("https://flows.example:8443", "a-tenant");
  expect(code).toContain('"https://flows.example:8443/metadata/endpoints');
  expect(code).toContain('authority="https://flows.example:8443"');
  expect(code).toContain('"a-tenant"');
  expect(code).toContain('os.environ["CLIENT_SECRET"]');
});

it("a workspace's id names its place", () => {
  expect(placeOf(WORKSPACE_ID)).toMatchObject({ group: "flowstead", workspace: "default" });
});
