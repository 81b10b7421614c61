import { describe, expect, test } from "vitest";
import { answerOf, contentOf, historyOf, requestOf, restOf, type Turn, textOf, withPiece } from "./turns";

const PNG = "data:image/png;base64,iVBORw0KGgo=";
const CHAT = { input: "question", history: "chat_history", output: "answer" };

function turn(more: Partial<Turn> = {}): Turn {
  return {
    id: 1,
    text: "hi",
    pictures: [],
    inputs: { question: "hi" },
    outputs: {},
    state: "done",
    about: {},
    tookMs: 0,
    ...more,
  };
}

describe("the next request", () => {
  test("carries what was said before under the flow's own names", () => {
    const first = turn({ outputs: { answer: "hello", cost: 1 } });
    const second = turn({ id: 2, inputs: { question: "and?", tone: "dry" } });
    expect(requestOf(second, [first], CHAT)).toEqual({
      question: "and?",
      tone: "dry",
      chat_history: [{ inputs: { question: "hi" }, outputs: { answer: "hello", cost: 1 } }],
    });
  });

  test("has an empty history at first, and none where the flow takes none", () => {
    expect(requestOf(turn(), [], CHAT)).toEqual({ question: "hi", chat_history: [] });
    expect(requestOf(turn(), [turn()], { ...CHAT, history: null })).toEqual({ question: "hi" });
  });

  test("leaves out what failed, and what was stopped before it said anything", () => {
    const turns = [
      turn({ state: "failed" }),
      turn({ state: "stopped" }),
      turn({ state: "stopped", outputs: { answer: "ha" } }),
    ];
    expect(historyOf(turns)).toEqual([{ inputs: { question: "hi" }, outputs: { answer: "ha" } }]);
  });
});

describe("an answer", () => {
  test("grows piece by piece", () => {
    const pieces = [
      { about: { requestId: "r" } },
      { outputs: { sources: [1] } },
      { outputs: { answer: "a" } },
      { outputs: { answer: "b" } },
    ];
    const whole = pieces.reduce((so, piece) => withPiece(so, piece), turn());
    expect(whole.outputs).toEqual({ sources: [1], answer: "ab" });
    expect(whole.about).toEqual({ requestId: "r" });
    expect(restOf(whole.outputs, "answer")).toEqual({ sources: [1] });
  });

  test("is text, pictures or data", () => {
    expect(answerOf({ answer: "**x**" }, "answer")).toEqual([{ kind: "text", text: "**x**" }]);
    expect(answerOf({ answer: ["look", { "data:image/png;base64": "iVBORw0KGgo=" }] }, "answer")).toEqual([
      { kind: "text", text: "look" },
      { kind: "picture", url: PNG },
    ]);
    expect(answerOf({ answer: { a: 1 } }, "answer")).toEqual([{ kind: "data", value: { a: 1 } }]);
    expect(answerOf({ a: 1, b: 2 }, null)).toHaveLength(1);
    expect(answerOf({ reply: "only one" }, null)).toEqual([{ kind: "text", text: "only one" }]);
    expect(answerOf({}, "answer")).toEqual([]);
    expect(answerOf({ answer: [1, 2] }, "answer")).toEqual([{ kind: "data", value: [1, 2] }]);
  });

  test("is copied as text", () => {
    expect(
      textOf({ answer: ["a", { type: "text", text: "b" }, { type: "image_url", image_url: { url: PNG } }] }, "answer"),
    ).toBe("a\n\nb");
    expect(textOf({ answer: { a: 1 } }, "answer")).toBe('{\n  "a": 1\n}');
  });
});

describe("a message", () => {
  test("is a text where the flow takes one", () => {
    expect(contentOf({ text: "hi", pictures: [] }, "string", "basic")).toBe("hi");
  });

  test("holds its pictures where the flow takes a list", () => {
    expect(contentOf({ text: "hi", pictures: [PNG] }, "list", "basic")).toEqual([
      "hi",
      { "data:image/png;base64": "iVBORw0KGgo=" },
    ]);
    expect(contentOf({ text: "", pictures: [PNG] }, "list", "openai-vision")).toEqual([
      { type: "image_url", image_url: { url: PNG } },
    ]);
  });
});
