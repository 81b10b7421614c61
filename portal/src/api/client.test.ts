import { expect, it } from "vitest";
import { errorFrom } from "./client";

it("an error keeps its next step, unless that is for who writes requests", () => {
  const said = (hint: string) => {
    const { message, hint: next } = errorFrom({ error: { code: "BadArgument", message: `Too long.\n${hint}` } }, 400);
    return [message, next];
  };
  expect(said("Correct the request and send it again.")).toEqual(["Too long.", ""]);
  expect(said("Shorten it.")).toEqual(["Too long.", "Shorten it."]);
});
