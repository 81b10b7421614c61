/** What goes into a flow and comes out of it, as the API describes it. */

export type FlowInput = {
  name: string;
  type: string;
  required: boolean;
  default: unknown;
  description?: string;
  isChatInput?: boolean;
  isChatHistory?: boolean;
};
export type FlowOutput = { name: string; type: string; description?: string; evaluationOnly?: boolean };
/** How the flow writes images. */
export type MessageFormat = "basic" | "openai-vision";
/** The flow's own names of a chat's parts. */
export type ChatParts = { input: string | null; history: string | null; output: string | null };
export type Signature = {
  inputs: readonly FlowInput[];
  outputs: readonly FlowOutput[];
  chat: ChatParts | null;
  messageFormat: MessageFormat;
  sample: Values;
};

export type Values = Record<string, unknown>;

/** What `…/flow` answers; an older server's answer has fewer fields. */
export function signatureOf(answered: Partial<Record<keyof Signature, unknown>>): Signature {
  const { inputs, outputs, chat, messageFormat, sample } = answered;
  return {
    inputs: (inputs ?? []) as FlowInput[],
    outputs: (outputs ?? []) as FlowOutput[],
    chat: (chat ?? null) as ChatParts | null,
    messageFormat: messageFormat === "openai-vision" ? "openai-vision" : "basic",
    sample: (sample ?? {}) as Values,
  };
}

/** All inputs but what the chat itself fills in. */
export function besideChat(inputs: readonly FlowInput[]): FlowInput[] {
  return inputs.filter((input) => !input.isChatInput && !input.isChatHistory);
}
