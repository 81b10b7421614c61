/** The grants that the server advises: `flowstead role assignment create …` in what it says. */

const COMMAND =
  /flowstead role assignment create .*? --scope (?:'[^']*'|[^\s;,]*[^\s;,.])(?: --assignee-principal-type \w+)?/g;
/** In a shell's words: a quotation, or what has no blank. */
const OPTION = /--([a-z-]+) ("[^"]*"|'[^']*'|\S+)/g;

export type Piece = { text: string; isCommand: boolean };

/** What is said in lines, the commands in it apart from the words around them, which keep their lines. */
export function piecesOf(said: string): Piece[] {
  const pieces: Piece[] = [];
  for (const piece of said.split("\n").flatMap(piecesOfLine)) {
    const last = pieces.at(-1);
    if (last && !last.isCommand && !piece.isCommand) last.text += `\n${piece.text}`;
    else pieces.push(piece);
  }
  return pieces;
}

/** A line of words alone keeps its indentation: it may be of a log. */
function piecesOfLine(said: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const { 0: command, index } of said.matchAll(COMMAND)) {
    pieces.push({ text: said.slice(from, index).trim(), isCommand: false }, { text: command, isCommand: true });
    from = index + command.length;
  }
  const rest = said.slice(from).trimEnd();
  pieces.push({ text: from === 0 ? rest : rest.trim(), isCommand: false });
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
