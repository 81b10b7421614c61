import { expect, it } from "vitest";
import { matches } from "./search";

const pull = { roleName: "AcrPull", description: "Pulls images from a registry." };
const writer = { roleName: "AzureML Metrics Writer (preview)", description: "Writes metrics to a workspace." };
const secrets = {
  roleName: "Azure Machine Learning Workspace Connection Secrets Reader",
  permissions: [{ actions: ["Microsoft.MachineLearningServices/workspaces/connections/listsecrets/action"] }],
};

it("finds roles by the article's names for them, by words in any order and by what they allow", () => {
  for (const sought of ["ACR Pull", "acrpull", "registry"]) expect(matches(pull, sought)).toBe(true);
  for (const sought of ["Workspace metrics writer", "Azure Machine Learning Metrics Writer (preview)"]) {
    expect(matches(writer, sought)).toBe(true);
  }
  for (const sought of ["secrets reader connection", "listsecrets"]) expect(matches(secrets, sought)).toBe(true);
  expect(matches(pull, "Secrets")).toBe(false);
  expect(matches(pull, "")).toBe(true);
});
