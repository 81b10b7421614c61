import { expect, test } from "vitest";
import { ExactNumber, writeJson } from "../../../../api/exactJson";
import { type Call, exampleInputs } from "./call";
import { csharp } from "./csharp";
import { curl } from "./curl";
import { go } from "./go";
import { SAMPLES } from "./index";
import { java } from "./java";
import { javascript } from "./javascript";
import { literal } from "./python";
import { r } from "./r";

function call(text: string): Call {
  return {
    url: "http://127.0.0.1:8080/endpoints/e/score",
    deployment: "blue",
    inputs: { location: text, url: "<url>" },
    opener: "the primary or secondary key of the endpoint",
    apiKey: "<api_key>",
  };
}

test.each(SAMPLES.map(({ id, code }) => [id, code] as const))("%s names what has to be filled in", (_, code) => {
  const text = code(call("LA"));
  for (const part of ["http://127.0.0.1:8080/endpoints/e/score", "<api_key>", "location", "LA", "blue"]) {
    expect(text).toContain(part);
  }
});

test("what would end a text is written so that it does not", () => {
  expect(curl.code(call("it's $HOME"))).toContain(String.raw`"location": "it'\''s $HOME"`);
  expect(csharp.code(call('a"b'))).toContain(String.raw`""location"": ""a\""b""`);
  expect(java.code(call("a\\u0022é"))).toContain(String.raw`\"a\\\\u0022\\u00e9\"`);
  expect(go.code(call("`"))).toContain(String.raw`"location": "\u0060"`);
  expect(r.code(call("f(x)"))).toContain('r"-({');
  expect(r.code({ ...call(""), inputs: { a: "f(x)", b: "f(x)-" } })).toContain('r"--({');
  expect(javascript.code({ ...call(""), inputs: JSON.parse('{"__proto__": 1}') })).toContain('["__proto__"]: 1');
});

test.each(SAMPLES.map(({ id, code }) => [id, code] as const))("%s has numbers as they are", (_, code) => {
  const text = code({ ...call(""), inputs: { a: new ExactNumber("9007199254740993"), b: new ExactNumber("0.0") } });
  expect(text).toMatch(/9007199254740993,.*\bb\b.*: 0\.0/s);
});

test("JavaScript sends a body that it would round as text", () => {
  const inputs = { a: new ExactNumber("9007199254740993"), b: ["`$", '{x}\\"'].join("") };
  const text = javascript.code({ ...call(""), inputs });
  const [, written] = /const data = (`.*`);\n\nconst response/s.exec(text) ?? [];
  expect(new Function(`return ${written}`)()).toBe(writeJson(inputs, 2));
  expect(text).toContain("body: data,");
  expect(javascript.code(call("LA"))).toContain("body: JSON.stringify(data),");
});

test("values as Python writes them", () => {
  expect(literal({ a: [true, null, 1.5, "é\n\"'"], b: {}, c: [] }, "")).toBe(
    '{\n    "a": [\n        True,\n        None,\n        1.5,\n        "é\\n\\"\'",\n    ],\n    "b": {},\n    "c": [],\n}',
  );
});

test("a body to begin with", () => {
  const input = { required: false, default: null };
  const inputs = [
    { ...input, name: "location", type: "string", required: true },
    { ...input, name: "count", type: "int", default: 0 },
    { ...input, name: "history", type: "list", default: [] },
    { ...input, name: "on", type: "bool" },
  ];
  expect(exampleInputs(inputs, { count: 3 })).toEqual({ location: "<location>", count: 3, history: [], on: true });
});
