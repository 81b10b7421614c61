/** The grants that the server advises: `flowstead role assignment create …` in what it says. */

const COMMAND =
  /flowstead role assignment create .*? --scope (?:'[^']*'|[^\s;,]*[^\s;,.])(?: --assignee-principal-type \w+)?/g;
/** In a shell's words: a quotation, or what has no blank. */
const OPTION = /--([a-z-]+) ("[^"]*"|'[^']*'|\S+)/g;

export type Piece = { text: string; isCommand: boolean };

/** What is said, the commands in it apart from the words around them. */
export function piecesOf(said: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const { 0: command, index } of said.matchAll(COMMAND)) {
    pieces.push({ text: said.slice(from, index).trim(), isCommand: false }, { text: command, isCommand: true });
    from = index + command.length;
  }
  pieces.push({ text: said.slice(from).trim(), isCommand: false });
  return pieces.filter(({ text }) => text !== "");
}

/** What a command grants, as the page "Add role assignment" takes it in its address. member: an object id or a name. */
export function grantOf(command: string): { scope: string; role: string; member: string } {
  const given = new Map<string, string>();
  for (const [, option = "", value = ""] of command.matchAll(OPTION))
    given.set(option, value.replace(/^["']|["']$/g, ""));
  return {
    scope: given.get("scope") ?? "",
    role: given.get("role") ?? "",
    member: given.get("assignee-object-id") ?? given.get("assignee") ?? "",
  };
}
