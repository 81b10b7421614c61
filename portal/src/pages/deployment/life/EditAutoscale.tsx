import { Field, Input, makeStyles, Select, Switch, Text, tokens } from "@fluentui/react-components";
import { useState } from "react";
import { ApiError } from "../../../api/client";
import { patchBetween } from "../../../api/edits";
import type { Deployment } from "../../../api/endpoints";
import { FormDialog } from "../../../components/FormDialog";
import { useToasts } from "../../../components/toasts";
import { useEdit } from "../../../components/useEdit";
import { UNFIT, unlessTaken } from "../../../components/useSubmission";
import { put } from "../../deploy/sending";
import {
  type AutoscaleForm,
  type AutoscaleSetting,
  formOf,
  METRICS,
  problemsOf,
  profilesOf,
  type RuleField,
  type RuleForm,
  SETTINGS,
} from "./autoscale";

const useStyles = makeStyles({
  fields: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(9rem, 1fr))",
    gap: tokens.spacingHorizontalM,
    alignItems: "start",
  },
  rule: {
    display: "grid",
    gap: tokens.spacingVerticalS,
    border: "none",
    margin: 0,
    padding: 0,
    minWidth: 0,
  },
  input: { minWidth: 0 },
});

type Props = {
  endpoint: string;
  deployment: Deployment;
  /** undefined: a new one. */
  setting: AutoscaleSetting | undefined;
  taken: readonly AutoscaleSetting[];
  onClose: () => void;
};

/** Bounds, and a rule for each way. Mounted while open. */
export function EditAutoscale({ endpoint, deployment, setting, taken, onClose }: Props) {
  const styles = useStyles();
  const toasts = useToasts();
  const { resource, save } = useEdit(setting);
  const [before] = useState(() => formOf(resource));
  const [form, setForm] = useState(before as AutoscaleForm);
  const problems = problemsOf(form);
  const submit = async () => {
    const target = deployment.id;
    if (resource) {
      const profile = resource.properties.profiles[0]?.name;
      const [was, is] = [before as AutoscaleForm, form].map((each) => ({
        profiles: profilesOf(each, target, profile),
      }));
      await save({ path: resource.id, patch: { properties: patchBetween(was ?? {}, is ?? {}) } });
    } else {
      const name = freeName(`${endpoint}-${deployment.name}`, taken);
      const properties = { enabled: true, targetResourceUri: target, profiles: profilesOf(form, target) };
      const body = { location: "local", properties: { name, ...properties } };
      // Of rules that another has just added, which would have the same name, nothing is overwritten.
      await unlessTaken(
        async () => void (await put(`${SETTINGS}/${name}`, body, { "If-None-Match": "*" })),
        addedMeanwhile,
      );
    }
    toasts.done(`${endpoint}/${deployment.name}: saved`);
  };
  return (
    <FormDialog
      title={`Autoscale rules of ${deployment.name}`}
      action="Save"
      refusal="They were not saved."
      onSubmit={submit}
      onClose={onClose}
    >
      <div className={styles.fields}>
        {BOUNDS.map(({ field, label, hint }) => (
          <NumberField
            key={field}
            label={label}
            hint={hint}
            value={form[field]}
            problem={problems[field]}
            onChange={(value) => setForm((now) => ({ ...now, [field]: value }))}
          />
        ))}
      </div>
      {RULES.map(({ way, label, metric, threshold, by }) => (
        <RuleFields
          key={way}
          {...{ label, metric }}
          labels={{ threshold, by }}
          rule={form[way]}
          problemOf={(field) => problems[`${way}.${field}`]}
          onChange={(more) => setForm((now) => ({ ...now, [way]: { ...now[way], ...more } }))}
        />
      ))}
      <Text size={200}>
        The bounds hold at once. The rules are asked several times a minute, and look at whole minutes.
      </Text>
    </FormDialog>
  );
}

const BOUNDS = [
  { field: "minimum", label: "Minimum", hint: "Instances at least." },
  { field: "maximum", label: "Maximum", hint: "Instances at most." },
  { field: "initial", label: "Default", hint: "While nothing is measured." },
] as const;

const RULES = [
  { way: "out", label: "More instances", metric: "When", threshold: "is more than", by: "add instances" },
  { way: "in", label: "Fewer instances", metric: "When", threshold: "is less than", by: "remove instances" },
] as const;

type RuleProps = {
  label: string;
  metric: string;
  labels: { threshold: string; by: string };
  rule: RuleForm;
  problemOf: (field: RuleField) => string | undefined;
  onChange: (more: Partial<RuleForm>) => void;
};

function RuleFields({ label, metric, labels, rule, problemOf, onChange }: RuleProps) {
  const styles = useStyles();
  const unit = METRICS.find(({ id }) => id === rule.metric)?.unit ?? "";
  const fields: readonly [RuleField, string][] = [
    ["threshold", unit ? `${labels.threshold} (${unit})` : labels.threshold],
    ["windowMinutes", "over (minutes)"],
    ["by", labels.by],
    ["cooldownMinutes", "then rest (minutes)"],
  ];
  return (
    <fieldset className={styles.rule} aria-label={label}>
      <Switch label={label} checked={rule.on} onChange={(_, { checked }) => onChange({ on: Boolean(checked) })} />
      {rule.on && (
        <div className={styles.fields}>
          <Field label={metric}>
            <Select
              className={styles.input}
              value={rule.metric}
              onChange={(_, { value }) => onChange({ metric: value })}
            >
              {METRICS.map((each) => (
                <option key={each.id} value={each.id}>
                  {each.label}
                </option>
              ))}
            </Select>
          </Field>
          {fields.map(([field, words]) => (
            <NumberField
              key={field}
              label={words}
              value={rule[field]}
              problem={problemOf(field)}
              onChange={(value) => onChange({ [field]: value })}
            />
          ))}
        </div>
      )}
    </fieldset>
  );
}

type NumberProps = {
  label: string;
  hint?: string;
  value: string;
  problem: string | undefined;
  onChange: (value: string) => void;
};

function NumberField({ label, hint = "", value, problem, onChange }: NumberProps) {
  const styles = useStyles();
  return (
    <Field label={label} hint={hint} {...(problem && { validationState: "error", validationMessage: problem })}>
      <Input
        className={styles.input}
        type="number"
        step="any"
        input={{ className: styles.input }}
        value={value}
        onChange={(_, { value: text }) => onChange(text)}
        {...(problem && UNFIT)}
      />
    </Field>
  );
}

function addedMeanwhile(): ApiError {
  return new ApiError(412, "RulesExist", "Somebody else has added rules meanwhile.", "Cancel, and edit those.");
}

/** wanted, or the first with a number behind it that no other setting has. */
function freeName(wanted: string, taken: readonly AutoscaleSetting[]): string {
  const names = new Set(taken.map(({ name }) => name.toLowerCase()));
  let name = wanted;
  for (let number = 2; names.has(name.toLowerCase()); number += 1) name = `${wanted}-${number}`;
  return name;
}
