import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useState } from "react";
import { change, type Deployment } from "../../../api/endpoints";
import { Allowed } from "../../../components/Allowed";
import { type Fact, Facts } from "../../../components/Facts";
import { FormDialog } from "../../../components/FormDialog";
import { Moment } from "../../../components/Moment";
import { Section } from "../../../components/Section";
import { Loaded } from "../../../components/states";
import { useToasts } from "../../../components/toasts";
import { plural } from "../../deploy/quota";
import {
  type AutoscaleSetting,
  formOf,
  type Profile,
  SETTINGS,
  spokenBounds,
  spokenRule,
  spokenTime,
} from "./autoscale";
import { EditAutoscale } from "./EditAutoscale";
import { isScaled } from "./scaling";
import { useAutoscale } from "./useAutoscale";

const useStyles = makeStyles({
  list: { margin: 0, paddingInlineStart: tokens.spacingHorizontalXL, overflowWrap: "anywhere" },
  profile: { display: "grid", gap: tokens.spacingVerticalXS },
});

type Props = { endpoint: string; deployment: Deployment };

/** The rules of Azure Monitor by which the deployment's number is decided, if there are any. */
export function AutoscaleRules({ endpoint, deployment }: Props) {
  const { query, refused, setting } = useAutoscale(deployment.id);
  const [asked, setAsked] = useState<"edit" | "delete" | null>(null);
  const close = () => setAsked(null);
  const isOwn = isScaled(deployment.properties.scaleSettings);
  const named = deployment.properties.scaling?.autoscaleSetting ?? "";
  if (refused && !named) return null;
  return (
    <Section
      title="Autoscale rules"
      actions={
        setting ? <Actions setting={setting} onAsk={setAsked} /> : !refused && !isOwn && <Add onAsk={setAsked} />
      }
    >
      {refused ? (
        <Text>
          The autoscale setting {named.slice(named.lastIndexOf("/") + 1)} says how many instances there are. Your roles
          do not allow to read its rules.
        </Text>
      ) : (
        <Loaded query={query}>
          {() => (setting ? <Shown setting={setting} deployment={deployment} /> : <Text>{spokenNone(isOwn)}</Text>)}
        </Loaded>
      )}
      {asked === "edit" && query.data && (
        <EditAutoscale {...{ endpoint, deployment, setting }} taken={query.data} onClose={close} />
      )}
      {asked === "delete" && setting && <DeleteSetting setting={setting} deployment={deployment} onClose={close} />}
    </Section>
  );
}

function spokenNone(isOwn: boolean): string {
  if (isOwn) return "None: its number follows what Scale says. Rules of Azure Monitor go with a fixed number only.";
  return "None: it has the number of instances that Scale says. Rules change it by processor, memory or requests.";
}

type Asking = { onAsk: (what: "edit" | "delete") => void };

function Add({ onAsk }: Asking) {
  return (
    <Allowed to="Microsoft.Insights/autoscaleSettings/write" on={SETTINGS}>
      <Button size="small" onClick={() => onAsk("edit")}>
        Add rules
      </Button>
    </Allowed>
  );
}

function Actions({ setting, onAsk }: { setting: AutoscaleSetting } & Asking) {
  const toasts = useToasts();
  const [busy, setBusy] = useState(false);
  const { enabled } = setting.properties;
  const turn = async () => {
    setBusy(true);
    try {
      await change("PATCH", setting.id, { properties: { enabled: !enabled } });
    } catch (failure) {
      toasts.failed(`The autoscale setting ${setting.name} was not changed.`, failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Allowed to="Microsoft.Insights/autoscaleSettings/write" on={setting.id}>
        <Button size="small" disabled={formOf(setting) === null} onClick={() => onAsk("edit")}>
          Edit rules
        </Button>
      </Allowed>
      <Allowed to="Microsoft.Insights/autoscaleSettings/write" on={setting.id}>
        <Button size="small" disabled={busy} onClick={() => void turn()}>
          {enabled ? "Disable" : "Enable"}
        </Button>
      </Allowed>
      <Allowed to="Microsoft.Insights/autoscaleSettings/delete" on={setting.id}>
        <Button size="small" onClick={() => onAsk("delete")}>
          Delete rules
        </Button>
      </Allowed>
    </>
  );
}

function Shown({ setting, deployment }: { setting: AutoscaleSetting; deployment: Deployment }) {
  const { enabled, profiles, activeProfile } = setting.properties;
  const { scaling } = deployment.properties;
  const facts: readonly Fact[] = [
    { label: "Autoscale setting", value: setting.name },
    { label: "Rules", value: enabled ? "Enabled" : "Disabled: the number stays as it is" },
    {
      label: "Last change",
      value: scaling?.reason && (
        <span>
          {scaling.reason}
          {scaling.since && (
            <>
              , <Moment at={scaling.since} />
            </>
          )}
        </span>
      ),
    },
    ...(scaling?.refused ? [{ label: "Not done", value: scaling.refused }] : []),
  ];
  return (
    <>
      <Facts facts={facts} />
      {profiles.map((profile) => (
        <Rules
          key={profile.name}
          profile={profile}
          deployment={deployment.id}
          isActive={profiles.length > 1 && profile.name === activeProfile}
        />
      ))}
      {formOf(setting) === null && (
        <Text size={200}>It says more than the portal edits: change it by REST or with Azure's client.</Text>
      )}
    </>
  );
}

function Rules({ profile, deployment, isActive }: { profile: Profile; deployment: string; isActive: boolean }) {
  const styles = useStyles();
  const when = [spokenTime(profile), isActive && "counts now"].filter(Boolean).join("; ");
  return (
    <div className={styles.profile}>
      <Text weight="semibold">
        {profile.name}
        {when && ` (${when})`}: {spokenBounds(profile)}
      </Text>
      {profile.rules.length > 0 && (
        <ul className={styles.list} aria-label={`Rules of ${profile.name}`}>
          {profile.rules.map((rule) => {
            const words = spokenRule(rule, deployment);
            return <li key={words}>{words}</li>;
          })}
        </ul>
      )}
    </div>
  );
}

type DeleteProps = { setting: AutoscaleSetting; deployment: Deployment; onClose: () => void };

/** Mounted while open. */
function DeleteSetting({ setting, deployment: { name, sku }, onClose }: DeleteProps) {
  return (
    <FormDialog
      title={`Delete the rules of ${name}?`}
      action="Delete"
      refusal="They were not deleted."
      isBrief
      onSubmit={async () => void (await change("DELETE", setting.id))}
      onClose={onClose}
    >
      <Text>
        The autoscale setting {setting.name} goes with them. {name} keeps the {plural(sku.capacity, "instance")} that it
        has, until Scale says another number.
      </Text>
    </FormDialog>
  );
}
