import { expect, it } from "vitest";
import { spokenVersion, versionOf } from "./endpoints";

it("versions are spoken as name:version", () => {
  expect(spokenVersion("/subscriptions/s/…/workspaces/w/models/chat/versions/3")).toBe("chat:3");
  expect(spokenVersion("azureml://registries/azureml/environments/base/versions/1")).toBe("base:1");
  expect(spokenVersion("azureml:base:2")).toBe("base:2");
  expect(spokenVersion(null)).toBe("");
  expect(versionOf("nothing of the kind")).toBeNull();
});
