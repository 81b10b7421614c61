import { expect, test } from "vitest";
import { fileNamed } from "./mending";

const FILES = ["flow.dag.yaml", "say.py", "steps/say.py", "requirements.txt", "my say.py"];

test.each([
  ["Mend the line of requirements.txt that is named above and deploy again.", "requirements.txt"],
  ['File "/run/a/flow/say.py", line 3, in say', "say.py"],
  ['File "/run/a/flow/steps/say.py", line 3, in say', "steps/say.py"],
  ['File "flow.dag.yaml", line 1\n  File "say.py", line 2', "say.py"],
  ["flow.dag.yaml:3: no such node.", "flow.dag.yaml"],
  ["essay.py, say.pyc, say.py.bak and say.py/x are others", ""],
  ["No quota is left.", ""],
  ["Mend what is named above, the image's name, a step of its Dockerfile or a requirement, and deploy again.", ""],
])("of %j it is %j", (message, file) => {
  expect(fileNamed(message, FILES)).toBe(file);
});
