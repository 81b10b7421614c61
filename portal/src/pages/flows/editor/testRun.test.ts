import { expect, test } from "vitest";
import { after, BEGUN, durationText, ended } from "./testRun";

const event = (type: string, data: unknown) => ({ id: "", type, data });
const run = (...events: [string, unknown][]) =>
  events.reduce((now, [type, data]) => after(now, event(type, data)), BEGUN);

test("a run tells what each node did", () => {
  const done = run(
    ["preparing", { phase: "StartingInstance" }],
    ["ready", {}],
    ["nodeStarted", { node: "a", inputs: { x: 1 } }],
    ["log", { node: "a", stream: "stdout", text: "hello" }],
    [
      "nodeFinished",
      { node: "a", status: "Completed", inputs: { x: 1 }, output: 2, durationMs: 3.25, logs: "hello\n" },
    ],
    ["nodeFinished", { node: "b", status: "Bypassed" }],
    ["outputs", { outputs: { y: 2 }, durationMs: 5 }],
  );
  expect(done.state).toBe("Completed");
  expect(done.nodes.map(({ name, state }) => [name, state])).toEqual([
    ["a", "Completed"],
    ["b", "Bypassed"],
  ]);
  expect(done.nodes[0]).toMatchObject({ output: 2, durationMs: 3.25, logs: "hello\n" });
  expect(done.outputs).toEqual({ y: 2 });
});

test("a failure stops what runs", () => {
  const failed = run(["nodeStarted", { node: "a", inputs: {} }], ["error", { error: { code: "C", message: "m" } }]);
  expect(failed).toMatchObject({ state: "Failed", error: { code: "C", message: "m" } });
  expect(failed.nodes[0]?.state).toBe("NotRun");
});

test("a run that breaks off says so, one that has ended stays as it is", () => {
  expect(ended(run(["ready", {}]), "").state).toBe("Stopped");
  expect(ended(run(["ready", {}]), "The server went away.").error?.message).toBe("The server went away.");
  const done = run(["outputs", { outputs: {} }]);
  expect(ended(done, "x")).toBe(done);
});

test("times are short", () => {
  expect([durationText(0.42), durationText(31.7), durationText(1240)]).toEqual(["0.4 ms", "32 ms", "1.24 s"]);
});
