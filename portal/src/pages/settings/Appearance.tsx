import { Field, Radio, RadioGroup } from "@fluentui/react-components";
import { Panel } from "../../components/Panel";
import { chooseScheme, type Scheme, useChoice } from "../../shell/theme";

const CHOICES: readonly { value: Scheme | "system"; label: string }[] = [
  { value: "system", label: "As the system has it" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

export function Appearance() {
  const chosen = useChoice();
  return (
    <Panel title="Appearance">
      <Field label="Theme" hint="Kept in this browser.">
        <RadioGroup
          value={chosen}
          onChange={(_, { value }) => chooseScheme(value === "system" ? null : (value as Scheme))}
        >
          {CHOICES.map(({ value, label }) => (
            <Radio key={value} value={value} label={label} />
          ))}
        </RadioGroup>
      </Field>
    </Panel>
  );
}
