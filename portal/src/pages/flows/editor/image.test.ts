import { expect, test } from "vitest";
import { imageOf, withImage } from "./image";

const TEXT = `# Says hello.
nodes:
- name: a # first
environment:
  python_requirements_txt: requirements.txt
`;

test("an image is set beside what the environment holds, comments stay", () => {
  const set = withImage(TEXT, "example/image:1") ?? "";
  expect(imageOf(set)).toBe("example/image:1");
  expect(set).toContain("# Says hello.");
  expect(set).toContain("python_requirements_txt: requirements.txt");
  expect(withImage(set, "")).toBe(TEXT);
});

test("the last image takes its environment along", () => {
  const set = withImage("nodes: []\n", "a") ?? "";
  expect(set).toContain("environment:\n  image: a");
  expect(withImage(set, "")).toBe("nodes: []\n");
});

test("there need be neither an image nor an environment", () => {
  expect(imageOf("nodes: []\n")).toBe("");
  expect(withImage("nodes: []\n", "")).toBe("nodes: []\n");
  expect(imageOf(withImage("environment: 1\n", "a") ?? "")).toBe("a");
});

test("what cannot be read is not written", () => {
  expect(imageOf("nodes: [")).toBeNull();
  expect(withImage("nodes: [", "a")).toBeNull();
});
