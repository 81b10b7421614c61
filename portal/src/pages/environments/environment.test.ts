import { expect, test } from "vitest";
import { condaOf, packagesOf, problemOf } from "./environment";

test("requirements become the pip part of a conda file", () => {
  const conda = condaOf(
    "# ours\nnumpy==2.1 # for sums\n\n--index-url https://pypi.test/simple\nx[y]>=1; python_version > '3'\r\n",
  );
  expect(packagesOf(conda)).toEqual([
    "numpy==2.1",
    "--index-url https://pypi.test/simple",
    "x[y]>=1; python_version > '3'",
  ]);
  expect(condaOf("# nothing\n")).toBe("");
});

test("a URL's fragment is no comment", () => {
  expect(packagesOf(condaOf("a @ https://files.test/a.whl#sha256=0"))).toEqual([
    "a @ https://files.test/a.whl#sha256=0",
  ]);
});

test("packages of a conda file, its own and pip's", () => {
  expect(packagesOf("dependencies: [python=3.11, {pip: [a, b==1]}]")).toEqual(["python=3.11", "a", "b==1"]);
  expect(packagesOf("dependencies: [")).toEqual([]);
  expect(packagesOf("7")).toEqual([]);
  expect(packagesOf(undefined)).toEqual([]);
});

test("what is no conda file is said so", () => {
  expect(problemOf("dependencies: [")).toMatch(/^This is no YAML: /);
  expect(problemOf("numpy")).toMatch(/^This is no conda file/);
  expect(problemOf("dependencies: []")).toBe("");
});
