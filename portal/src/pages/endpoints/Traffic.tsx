import {
  Button,
  Field,
  MessageBar,
  MessageBarBody,
  makeStyles,
  Select,
  SpinButton,
  Text,
  tokens,
} from "@fluentui/react-components";
import { useEffect, useMemo, useState } from "react";
import { saveEdit } from "../../api/edits";
import { type Endpoint, endpointPath } from "../../api/endpoints";
import { Allowed } from "../../components/Allowed";
import { Leaving } from "../../components/Leaving";
import { RangeInput } from "../../components/RangeInput";
import { Section } from "../../components/Section";
import { Failure } from "../../components/states";
import { useToasts } from "../../components/toasts";
import {
  among,
  faultOf,
  goneFrom,
  isSame,
  MOST_MIRRORED,
  patchFrom,
  type Split,
  splitOf,
  totalOf,
  withoutTraffic,
  withRest,
  withShare,
} from "./split";

const useStyles = makeStyles({
  rows: { display: "grid", gap: tokens.spacingVerticalS },
  row: {
    display: "grid",
    gridTemplateColumns: "minmax(6rem, 12rem) minmax(6rem, 1fr) 7rem 8rem",
    gap: tokens.spacingHorizontalM,
    alignItems: "center",
    "@media (max-width: 640px)": { gridTemplateColumns: "1fr 7rem" },
  },
  slider: { minWidth: 0, "@media (max-width: 640px)": { gridColumn: "1 / -1", gridRow: 2 } },
  number: { minWidth: 0, width: "6rem" },
  name: { overflowWrap: "anywhere" },
  mirrored: { width: "12rem" },
  foot: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "center" },
  mirror: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalL, alignItems: "end" },
});

/** stopped: the names of those that are. */
type Props = { endpoint: Endpoint; deployments: readonly string[]; stopped: ReadonlySet<string> };

/** Who gets how much of the requests: shares that sum to 100 or to 0, and copies for one deployment. */
export function Traffic({ endpoint, deployments, stopped }: Props) {
  const styles = useStyles();
  const toasts = useToasts();
  const { traffic, mirrorTraffic } = endpoint.properties;
  const saved = useMemo(() => splitOf(deployments, traffic, mirrorTraffic), [deployments, traffic, mirrorTraffic]);
  const [draft, setDraft] = useState<{ split: Split; of: Split } | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const split = draft ? among(deployments, draft.split) : saved;
  const gone = draft ? goneFrom(deployments, draft.split) : [];
  const dirty = !isSame(split, saved);
  useEffect(() => {
    if (draft && isSame(draft.split, saved)) setDraft(null);
  }, [draft, saved]);
  const set = (next: Split) => setDraft({ split: next, of: draft?.of ?? saved });
  const fault = faultOf(split);
  const missed = deployments.filter((name) => stopped.has(name) && (split.live[name] ?? 0) > 0);
  const save = async () => {
    setBusy(true);
    setFailure(null);
    try {
      const patch = { properties: patchFrom(split, endpoint.properties) };
      const found = await saveEdit({ path: endpointPath(endpoint.name), patch }, endpoint);
      if (found) setFailure(found.refusal);
      else toasts.done("Traffic: saved");
    } catch (thrown) {
      setFailure(thrown);
    }
    setBusy(false);
  };
  const discard = () => {
    setDraft(null);
    setFailure(null);
  };
  if (deployments.length === 0) {
    return (
      <Section title="Traffic">
        <Text>There is no deployment yet that could get traffic.</Text>
      </Section>
    );
  }
  return (
    <Section title="Traffic">
      {split.mirror === "" && saved.mirror !== "" && (split.live[saved.mirror] ?? 0) > 0 && (
        <MessageBar intent="warning">
          <MessageBarBody>
            {saved.mirror} gets traffic of its own, so nothing is mirrored to it any more.
          </MessageBarBody>
        </MessageBar>
      )}
      {gone.length > 0 && (
        <MessageBar intent="warning">
          <MessageBarBody>
            Somebody has deleted {gone.join(", ")} meanwhile: what you meant to send there goes nowhere.
          </MessageBarBody>
        </MessageBar>
      )}
      {draft && dirty && !isSame(draft.of, saved) && (
        <MessageBar intent="warning">
          <MessageBarBody>Somebody else has changed the traffic meanwhile. Saving replaces that.</MessageBarBody>
        </MessageBar>
      )}
      {missed.length > 0 && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            {missed.join(", ")} {missed.length === 1 ? "is" : "are"} stopped: requests of that share are answered 503.
          </MessageBarBody>
        </MessageBar>
      )}
      <div className={styles.rows}>
        {deployments.map((name) => (
          <Share
            key={name}
            name={name}
            share={split.live[name] ?? 0}
            isWhole={totalOf(split) === 100}
            onChange={(share) => set(withShare(split, name, share))}
            onRest={() => set(withRest(split, name))}
          />
        ))}
      </div>
      <Leaving entered={dirty} question="Leave without saving the traffic?" />
      <Mirror split={split} onChange={set} />
      <div className={styles.foot}>
        <Text role="status">{fault || `Sum: ${totalOf(split)} %`}</Text>
        <Button size="small" onClick={() => set(withoutTraffic(split))} disabled={totalOf(split) === 0}>
          No traffic
        </Button>
        <Allowed to="onlineEndpoints/write" on={endpoint.id}>
          <Button appearance="primary" onClick={() => void save()} disabled={!dirty || fault !== "" || busy}>
            Save traffic
          </Button>
        </Allowed>
        <Button onClick={discard} disabled={!dirty || busy}>
          Discard
        </Button>
      </div>
      {failure !== null && <Failure failure={failure} title="The traffic is as it was." />}
    </Section>
  );
}

type ShareProps = {
  name: string;
  share: number;
  isWhole: boolean;
  onChange: (share: number) => void;
  onRest: () => void;
};

function Share({ name, share, isWhole, onChange, onRest }: ShareProps) {
  const styles = useStyles();
  return (
    <div className={styles.row}>
      <Text className={styles.name}>{name}</Text>
      <RangeInput className={styles.slider} label={`Traffic of ${name}`} most={100} value={share} onChange={onChange} />
      <Percent label={`Traffic of ${name}, percent`} value={share} most={100} onChange={onChange} />
      {!isWhole && (
        <Button size="small" onClick={onRest} aria-label={`Give it the rest: ${name}`}>
          Give it the rest
        </Button>
      )}
    </div>
  );
}

function Mirror({ split, onChange }: { split: Split; onChange: (split: Split) => void }) {
  const styles = useStyles();
  const candidates = Object.keys(split.live).filter((name) => !split.live[name]);
  return (
    <div className={styles.mirror}>
      <Field label="Mirror requests to" hint="A deployment without live traffic; its answers are dropped.">
        <Select
          value={split.mirror}
          onChange={(_, { value }) => onChange({ ...split, mirror: value, mirrored: value ? split.mirrored || 10 : 0 })}
        >
          <option value="">No deployment</option>
          {candidates.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </Select>
      </Field>
      {split.mirror && (
        <>
          <div className={styles.mirrored}>
            <RangeInput
              label="Mirrored traffic"
              most={MOST_MIRRORED}
              value={split.mirrored}
              onChange={(mirrored) => onChange({ ...split, mirrored })}
            />
          </div>
          <Percent
            label="Mirrored traffic, percent"
            value={split.mirrored}
            most={MOST_MIRRORED}
            onChange={(mirrored) => onChange({ ...split, mirrored })}
          />
        </>
      )}
    </div>
  );
}

type PercentProps = { label: string; value: number; most: number; onChange: (value: number) => void };

function Percent({ label, value, most, onChange }: PercentProps) {
  const styles = useStyles();
  const set = (given: number) => {
    if (Number.isInteger(given)) onChange(Math.max(0, Math.min(most, given)));
  };
  return (
    <SpinButton
      className={styles.number}
      aria-label={label}
      min={0}
      max={most}
      value={value}
      displayValue={`${value} %`}
      onChange={(_, { value: given, displayValue }) => set(given ?? Number.parseInt(displayValue ?? "", 10))}
    />
  );
}
