import { Field, Switch, Textarea } from "@fluentui/react-components";
import { useState } from "react";
import { patchBetween } from "../../api/edits";
import { type Endpoint, endpointPath } from "../../api/endpoints";
import { FormDialog } from "../../components/FormDialog";
import { TagsEditor } from "../../components/TagsEditor";
import { useToasts } from "../../components/toasts";
import { useEdit } from "../../components/useEdit";

/** Description, tags and public network access. Mounted while open. */
export function EditEndpoint({ endpoint, onClose }: { endpoint: Endpoint; onClose: () => void }) {
  const toasts = useToasts();
  const { resource, save } = useEdit(endpoint);
  const [description, setDescription] = useState(resource.properties.description);
  const [tags, setTags] = useState(resource.tags ?? {});
  const [isPublic, setPublic] = useState(resource.properties.publicNetworkAccess !== "Disabled");
  const submit = async () => {
    const properties = { description, publicNetworkAccess: isPublic ? "Enabled" : "Disabled" };
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

function editedOf({ tags = {}, properties: { description, publicNetworkAccess } }: Endpoint) {
  return { tags, properties: { description, publicNetworkAccess } };
}
