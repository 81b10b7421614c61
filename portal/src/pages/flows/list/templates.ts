/** What a flow may begin as, in the order of the list. */

export type Template = { id: string; label: string; text: string };

export const TEMPLATES: readonly Template[] = [
  {
    id: "chat",
    label: "Chat flow",
    text: "A conversation with its history. It repeats what you say until it has a key.",
  },
  { id: "standard", label: "Standard flow", text: "Inputs, a few steps, outputs. It counts the words of a text." },
  { id: "evaluation", label: "Evaluation flow", text: "Grades answers, and sums the grades up over a whole run." },
];
