import { Field, Input, makeStyles, Switch, Textarea } from "@fluentui/react-components";
import { useState } from "react";
import { patchBetween } from "../../api/edits";
import { type Endpoint, endpointPath } from "../../api/endpoints";
import { FormDialog } from "../../components/FormDialog";
import { TagsEditor } from "../../components/TagsEditor";
import { useToasts } from "../../components/toasts";
import { useEdit } from "../../components/useEdit";
import { UNFIT } from "../../components/useSubmission";

const useStyles = makeStyles({ short: { maxWidth: "10rem", minWidth: 0 } });
const HIGHEST_RATE = 1_000_000;

/** Description, tags, rate and public network access. Mounted while open. */
export function EditEndpoint({ endpoint, onClose }: { endpoint: Endpoint; onClose: () => void }) {
  const styles = useStyles();
  const toasts = useToasts();
  const { resource, save } = useEdit(endpoint);
  const [description, setDescription] = useState(resource.properties.description);
  const [tags, setTags] = useState(resource.tags ?? {});
  const [isPublic, setPublic] = useState(resource.properties.publicNetworkAccess !== "Disabled");
  const given = resource.properties.requestsPerSecond;
  const [rate, setRate] = useState(given === undefined ? "" : String(given));
  const isWrong = !isRate(rate) && !(rate === "" && given === undefined);
  const submit = async () => {
    const requestsPerSecond = rate === "" ? undefined : Number(rate);
    const properties = { description, requestsPerSecond, publicNetworkAccess: isPublic ? "Enabled" : "Disabled" };
    await save({ path: endpointPath(resource.name), patch: patchBetween(editedOf(resource), { tags, properties }) });
    toasts.done(`${resource.name}: saved`);
  };
  return (
    <FormDialog
      title={`Edit ${resource.name}`}
      action="Save"
      refusal="It was not saved."
      onSubmit={submit}
      onClose={onClose}
    >
      <Field label="Description">
        <Textarea value={description} onChange={(_, { value }) => setDescription(value)} />
      </Field>
      <Field label="Tags">
        <TagsEditor noun="tag" value={tags} onChange={setTags} />
      </Field>
      <Field
        label="Requests per second"
        hint={`Of all its deployments together; what comes on top of them is answered 429. 0: any number${given === undefined ? "; empty: as the server has it" : ""}.`}
        {...(isWrong && {
          validationState: "error",
          validationMessage: `Enter a whole number from 0 to ${HIGHEST_RATE.toLocaleString("en")}.`,
        })}
      >
        <Input
          className={styles.short}
          type="number"
          value={rate}
          onChange={(_, { value }) => setRate(value)}
          {...(isWrong && UNFIT)}
        />
      </Field>
      <Field hint="Kept for Azure ML's tools. Who can reach this machine's door can reach the endpoint either way.">
        <Switch
          label="Public network access"
          checked={isPublic}
          onChange={(_, { checked }) => setPublic(Boolean(checked))}
        />
      </Field>
    </FormDialog>
  );
}

function editedOf({ tags = {}, properties: { description, publicNetworkAccess, requestsPerSecond } }: Endpoint) {
  return { tags, properties: { description, publicNetworkAccess, requestsPerSecond } };
}

function isRate(text: string): boolean {
  return /^\d+$/.test(text) && Number(text) <= HIGHEST_RATE;
}
