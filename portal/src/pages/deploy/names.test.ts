import { expect, it } from "vitest";
import {
  deploymentNameProblem,
  endpointNameFrom,
  endpointNameProblem,
  identityNameProblem,
  modelNameFrom,
} from "./names";

it.each([
  ["", "Enter a name for the endpoint."],
  ["1chat", "begins with a letter"],
  ["-chat", "begins with a letter"],
  ["chat bot", "not “ ”"],
  ["chat_bot", "not “_”"],
  ["<img src=x>", "begins with a letter"],
  ["chat-", "ends with a letter or digit"],
  ["ab", "at least 3"],
  ["a".repeat(33), "at most 32 characters; this one has 33"],
  ["Portal", "reserved"],
  ["CHAT", "There is an endpoint chat."],
])("the endpoint name %j is refused", (name, why) => {
  expect(endpointNameProblem(name, ["chat"])).toContain(why);
});

it.each(["abc", "my-flow-2", "A1-b", "a".repeat(32)])("the endpoint name %j is taken", (name) => {
  expect(endpointNameProblem(name, ["chat"])).toBe("");
});

it("a deployment may have a name that another endpoint's deployment has, and one that is reserved for endpoints", () => {
  expect(deploymentNameProblem("blue")).toBe("");
  expect(deploymentNameProblem("portal")).toBe("");
  expect(deploymentNameProblem("")).toBe("Enter a name for the deployment.");
});

it.each([
  ["My flow (2)", "my-flow-2"],
  ["42", "flow-42"],
  ["a", "a-flow"],
  ["Ünïcode", "n-code"],
  ["x".repeat(40), "x".repeat(32)],
  ["---", "flow"],
])("an endpoint for the flow %j is named %s", (flow, name) => {
  expect(endpointNameFrom(flow)).toBe(name);
  expect(endpointNameProblem(endpointNameFrom(flow), [])).toBe("");
});

it("a model is named after its flow", () => {
  expect(modelNameFrom("My flow (2)")).toBe("My-flow-2");
  expect(modelNameFrom("..")).toBe("flow");
});

it("identities have rules of their own", () => {
  expect(identityNameProblem("my_id-1", ["other"])).toBe("");
  expect(identityNameProblem("_id", [])).toContain("begins with a letter or digit");
  expect(identityNameProblem("Mine", ["mine"])).toContain("There is an identity of this name");
});
