import {
  Dropdown,
  Field,
  Input,
  makeStyles,
  Option,
  OptionGroup,
  Radio,
  RadioGroup,
  Text,
  tokens,
} from "@fluentui/react-components";
import { TagsEditor } from "../../components/TagsEditor";
import { CustomKeys } from "./CustomKeys";
import { type Draft, keepsAnyKeys, type Problems, secretsOf } from "./draft";
import { SecretField } from "./SecretField";
import { AUTH_HINTS, type AuthType, authLabel, type ConnectionType } from "./type";
import { GROUPS, TYPES, typeNamed } from "./types";

const useStyles = makeStyles({
  part: { display: "grid", gap: tokens.spacingVerticalS },
  hint: { color: tokens.colorNeutralForeground2 },
  list: { maxHeight: "min(30rem, 60vh)" },
});

type Props = {
  type: ConnectionType;
  draft: Draft;
  /** Names of the secrets that are kept. */
  kept: readonly string[];
  problems: Problems;
  isNew: boolean;
  onType: (type: ConnectionType) => void;
  onChange: (draft: Draft) => void;
};

export function ConnectionFields({ type, draft, kept, problems, isNew, onType, onChange }: Props) {
  const styles = useStyles();
  const text = (at: string, value: string) => onChange({ ...draft, texts: { ...draft.texts, [at]: value } });
  const auths = type.auths.includes(draft.auth) ? type.auths : [...type.auths, draft.auth];
  return (
    <>
      {isNew && <TypeChoice type={type} onType={onType} />}
      {isNew && (
        <Field label="Name" required hint="By which flows use it." validationMessage={problems.name ?? ""}>
          <Input
            value={draft.name}
            autoComplete="off"
            onChange={(_, { value }) => onChange({ ...draft, name: value })}
          />
        </Field>
      )}
      {type.fields.map((field) => (
        <Field
          key={field.at}
          label={field.label}
          required={field.required ?? false}
          hint={field.hint ?? ""}
          validationMessage={problems[field.at] ?? ""}
        >
          <Input
            value={draft.texts[field.at] ?? ""}
            placeholder={field.placeholder ?? ""}
            autoComplete="off"
            onChange={(_, { value }) => text(field.at, value)}
          />
        </Field>
      ))}
      {auths.length > 1 && <AuthChoice auths={auths} draft={draft} onChange={onChange} />}
      {AUTH_HINTS[draft.auth] && <Text className={styles.hint}>{AUTH_HINTS[draft.auth]}</Text>}
      {secretsOf(type, draft.auth).map(({ name, label }) => (
        <SecretField
          key={`${draft.auth}.${name}`}
          label={label}
          required
          kept={kept.includes(name)}
          value={draft.secrets[name] ?? ""}
          problem={problems[`secret.${name}`] ?? problems[`credentials.${name}`]}
          onChange={(value) => onChange({ ...draft, secrets: { ...draft.secrets, [name]: value } })}
        />
      ))}
      {keepsAnyKeys(type, draft.auth) && (
        <CustomKeys rows={draft.keys} problems={problems} onChange={(keys) => onChange({ ...draft, keys })} />
      )}
      {(type.configs || Object.keys(draft.configs).length > 0) && (
        <div className={styles.part}>
          <Text weight="semibold">Settings that are no secret</Text>
          <Text className={styles.hint} size={200}>
            {type.configs ?? "What is said of it besides; everybody may see it."}
          </Text>
          <TagsEditor
            key={type.word}
            noun="setting"
            value={draft.configs}
            onChange={(configs) => onChange({ ...draft, configs })}
          />
        </div>
      )}
    </>
  );
}

function TypeChoice({ type, onType }: { type: ConnectionType; onType: (type: ConnectionType) => void }) {
  const styles = useStyles();
  return (
    <Field label="Type" required>
      <Dropdown
        value={type.label}
        selectedOptions={[type.word]}
        listbox={{ className: styles.list }}
        onOptionSelect={(_, { optionValue }) => onType(typeNamed(optionValue ?? "") ?? type)}
      >
        {GROUPS.map((group) => (
          <OptionGroup key={group} label={group}>
            {TYPES.filter((each) => each.group === group).map((each) => (
              <Option key={each.word} value={each.word}>
                {each.label}
              </Option>
            ))}
          </OptionGroup>
        ))}
      </Dropdown>
    </Field>
  );
}

type Choice = { auths: readonly AuthType[]; draft: Draft; onChange: (draft: Draft) => void };

function AuthChoice({ auths, draft, onChange }: Choice) {
  const pick = (auth: AuthType) => onChange({ ...draft, auth, secrets: {} });
  if (auths.length <= 4) {
    return (
      <Field label="Authentication" required>
        <RadioGroup value={draft.auth} onChange={(_, { value }) => pick(value as AuthType)}>
          {auths.map((auth) => (
            <Radio key={auth} value={auth} label={authLabel(auth)} />
          ))}
        </RadioGroup>
      </Field>
    );
  }
  return (
    <Field label="Authentication" required>
      <Dropdown
        value={authLabel(draft.auth)}
        selectedOptions={[draft.auth]}
        onOptionSelect={(_, { optionValue }) => pick(optionValue as AuthType)}
      >
        {auths.map((auth) => (
          <Option key={auth} value={auth}>
            {authLabel(auth)}
          </Option>
        ))}
      </Dropdown>
    </Field>
  );
}
