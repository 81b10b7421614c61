/** Rules of names, and names that a flow gets by itself: the same as the command line's. */

const SHORTEST = 3;
const LONGEST = 32;
/** Host names that are ours. */
const RESERVED = new Set(["admin", "api", "flowstead", "gateway", "localhost", "portal", "static", "www"]);

export const DEFAULT_DEPLOYMENT = "blue";
export const NAME_RULE = "3 to 32 letters, digits and dashes; begins with a letter and ends with a letter or digit.";

/** What is wrong with the name of a new endpoint, "" when nothing is. taken: names that there are. */
export function endpointNameProblem(name: string, taken: readonly string[]): string {
  const wrong = deploymentNameProblem(name, "endpoint");
  if (wrong) return wrong;
  if (RESERVED.has(name.toLowerCase())) return `The name ${name} is reserved. Choose another one.`;
  const there = find(name, taken);
  return there ? `There is an endpoint ${there}. Choose another name, or select Existing to deploy to it.` : "";
}

/** What is wrong with a deployment's name, "" when nothing is. */
export function deploymentNameProblem(name: string, noun = "deployment"): string {
  if (!name) return `Enter a name for the ${noun}.`;
  if (!/^[a-zA-Z]/.test(name)) return "The name begins with a letter.";
  const strange = /[^-a-zA-Z0-9]/.exec(name)?.[0];
  if (strange) return `The name has letters, digits and dashes only, not “${strange}”.`;
  if (name.endsWith("-")) return "The name ends with a letter or digit.";
  if (name.length < SHORTEST) return `The name has at least ${SHORTEST} characters.`;
  if (name.length > LONGEST) return `The name has at most ${LONGEST} characters; this one has ${name.length}.`;
  return "";
}

export function identityNameProblem(name: string, taken: readonly string[]): string {
  if (!/^[A-Za-z0-9][\w-]{2,127}$/.test(name)) {
    return "3 to 128 letters, digits, dashes and underscores; begins with a letter or digit.";
  }
  return find(name, taken) ? "There is an identity of this name. Select it in the list." : "";
}

/** The one of the names that is meant, in its own casing: casing makes no other name. */
export function find(name: string, names: readonly string[]): string | undefined {
  return names.find((each) => each.toLowerCase() === name.toLowerCase());
}

/** A valid endpoint name that a reader takes for the flow's: `My flow (2)` → `my-flow-2`. */
export function endpointNameFrom(flow: string): string {
  let name = trimmed(flow.toLowerCase().replace(/[^a-z0-9]+/g, "-"), "-");
  if (!/^[a-z]/.test(name)) name = trimmed(`flow-${name}`, "-");
  if (name.length < SHORTEST) name = `${name}-flow`;
  return name.slice(0, LONGEST).replace(/-+$/, "");
}

/** A valid model name: `My flow (2)` → `My-flow-2`. */
export function modelNameFrom(flow: string): string {
  return trimmed(flow.replace(/[^-_.A-Za-z0-9]+/g, "-"), "-_.").slice(0, 255) || "flow";
}

function trimmed(text: string, marks: string): string {
  let [from, to] = [0, text.length];
  while (from < to && marks.includes(text[from] ?? "")) from += 1;
  while (to > from && marks.includes(text[to - 1] ?? "")) to -= 1;
  return text.slice(from, to);
}
