import { expect, it } from "vitest";
import { grantOf, piecesOf } from "./commands";

const W = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w";

it("grant commands are found in what is said", () => {
  const first = `flowstead role assignment create --role "AcrPull" --assignee-object-id 1-2 --scope ${W}`;
  const second = `flowstead role assignment create --role "A B" --assignee x --scope '/a b'`;
  expect(piecesOf(`Have an owner run: ${first} and deploy again.`)).toEqual([
    { text: "Have an owner run:", isCommand: false },
    { text: first, isCommand: true },
    { text: "and deploy again.", isCommand: false },
  ]);
  const commands = piecesOf(`${second}; or ${first}.`).filter((piece) => piece.isCommand);
  expect(commands.map(({ text }) => text)).toEqual([second, first]);
  expect(piecesOf("Choose another name.")).toEqual([{ text: "Choose another name.", isCommand: false }]);
});

it("lines stay lines, with their indentation", () => {
  const command = `flowstead role assignment create --role "AcrPull" --assignee x --scope ${W}`;
  expect(piecesOf(`It failed.\n\n  File "say.py"\nRun: ${command}\nThen deploy again.`)).toEqual([
    { text: 'It failed.\n  File "say.py"\nRun:', isCommand: false },
    { text: command, isCommand: true },
    { text: "Then deploy again.", isCommand: false },
  ]);
});

it("a command's whole end is in it", () => {
  const command = `flowstead role assignment create --role "Reader" --assignee-object-id 1-2 --scope ${W} --assignee-principal-type User`;
  expect(piecesOf(`For example: ${command}`).at(-1)).toEqual({ text: command, isCommand: true });
});

it("a command says what it grants, on what and to whom", () => {
  const byId = `flowstead role assignment create --role "A role" --assignee-object-id 1-2 --scope ${W}`;
  expect(grantOf(byId)).toEqual({ scope: W, role: "A role", member: "1-2" });
  const byName = "flowstead role assignment create --role \"AcrPull\" --assignee 'my chat' --scope '/a b'";
  expect(grantOf(byName)).toEqual({ scope: "/a b", role: "AcrPull", member: "my chat" });
});
