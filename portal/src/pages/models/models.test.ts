import { expect, it } from "vitest";
import type { DeploymentRow } from "../../api/endpoints";
import { usersOf } from "./models";

it("a model's users are those of any of its versions, a version's its own", () => {
  const row = (name: string, model: string) => ({ name, properties: { model } }) as unknown as DeploymentRow;
  const rows = [
    row("a", "/x/models/chat/versions/1"),
    row("b", "/x/models/Chat/versions/2"),
    row("c", "/x/models/chats/versions/1"),
  ];
  const names = (found: DeploymentRow[]) => found.map((each) => each.name);
  expect(names(usersOf(rows, "chat"))).toEqual(["a", "b"]);
  expect(names(usersOf(rows, "chat", "2"))).toEqual(["b"]);
});
