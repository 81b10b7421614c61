import { expect, it } from "vitest";
import { patchOf, spokenVersion, versionOf } from "./endpoints";

it("a patch takes away what is gone", () => {
  expect(patchOf({ a: "1", b: "2" }, { b: "3", c: "4" })).toEqual({ a: null, b: "3", c: "4" });
});

it("versions are spoken as name:version", () => {
  expect(spokenVersion("/subscriptions/s/…/workspaces/w/models/chat/versions/3")).toBe("chat:3");
  expect(spokenVersion("azureml://registries/azureml/environments/base/versions/1")).toBe("base:1");
  expect(spokenVersion("azureml:base:2")).toBe("base:2");
  expect(spokenVersion(null)).toBe("");
  expect(versionOf("nothing of the kind")).toBeNull();
});
