import { Field, Input } from "@fluentui/react-components";
import type { Flow } from "../api";

const ALLOWED = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const LONGEST = 255;

type Props = { name: string; onChange: (name: string) => void; problem: string };

export function NameField({ name, onChange, problem }: Props) {
  return (
    <Field label="Name" required validationMessage={problem}>
      <Input value={name} onChange={(_, { value }) => onChange(value.trim())} autoComplete="off" />
    </Field>
  );
}

/** What keeps this name from being a new flow's; "" when nothing does. */
export function nameProblem(name: string, flows: readonly Flow[]): string {
  return shapeProblem(name) || (isTaken(name, flows) ? "There is a flow of this name." : "");
}

export function shapeProblem(name: string): string {
  if (name === "") return "Give it a name.";
  if (!ALLOWED.test(name)) return "Begin with a letter or digit; use letters, digits, dashes, underscores and dots.";
  if (name.length > LONGEST) return `A name has at most ${LONGEST} characters; this one has ${name.length}.`;
  return "";
}

export function isTaken(name: string, flows: readonly Flow[]): boolean {
  return flows.some((flow) => flow.name.toLowerCase() === name.toLowerCase());
}
